// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/log_format.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

// Whatever a damaged disk gives back for a log: its pieces are in order and do not overlap, and the
// good ones, written again, are read as they were. Their groups are walked through, and searched.
namespace {

using namespace postern::spool;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Read {
  std::vector<LogPiece> pieces;
  bool foreign = false;
};

Read read(std::string_view log) {
  Read out;
  LogReader reader([&out](LogPiece&& piece) { out.pieces.push_back(std::move(piece)); });
  for (std::size_t at = 0; at < log.size(); at += kLogBlock)
    reader.block(log.substr(at, kLogBlock));
  reader.end();
  out.foreign = reader.is_foreign();
  return out;
}

void check_group(std::string_view group) {
  std::size_t octets = 0;
  const std::size_t known = read_group(group, [&octets](const GroupOperation& operation) {
    octets += operation.key.size() + operation.value.size();
  });
  require(known <= group.size());
  require(octets <= known);
  find_records(group, [](MessageId id) { require(id != MessageId()); });
}

/// A good record has no such rest; groups that are found in one do not overlap.
void check_rest(const LogPiece& piece) {
  if (piece.rest_at == std::string::npos) return;
  require(!piece.good && piece.rest_at <= piece.octets.size());
  const std::string_view rest = std::string_view(piece.octets).substr(piece.rest_at);
  const char* end = rest.data();
  LogReader::groups_in(rest, [&](std::string_view group) {
    require(group.data() > end + kLogHeader && group.size() >= GroupHeader::kOctets);
    end = group.data() + group.size() - 1;
    require(end < rest.data() + rest.size());
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view log(reinterpret_cast<const char*>(data), size);
  const Read found = read(log);
  std::uint64_t end = 0;
  LogWriter writer;
  std::string again;
  std::vector<std::string_view> good;
  for (const LogPiece& piece : found.pieces) {
    require(piece.offset >= end && piece.end > piece.offset);
    end = piece.end;
    require(piece.octets.size() <= piece.end - piece.offset);
    check_group(piece.octets);
    check_rest(piece);
    if (!piece.good) continue;
    good.push_back(piece.octets);
    writer.append(piece.octets, again);
  }
  require(end <= log.size());
  if (found.foreign) return 0;
  const Read reread = read(again);
  require(reread.pieces.size() == good.size());
  for (std::size_t i = 0; i < good.size(); ++i)
    require(reread.pieces[i].good && reread.pieces[i].octets == good[i]);
  return 0;
}
