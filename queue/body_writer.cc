// SPDX-License-Identifier: Apache-2.0
#include "queue/body_writer.h"

#include "smtp/client_commands.h"
#include "smtp/dot_lines.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace postern::queue {
namespace {

/// "BDAT 65536 LAST\r\n" and more.
constexpr std::size_t kHeaderRoom = 40;
/// A dot in front, and the end of a message.
constexpr std::size_t kEndRoom = 8;
/// A message that fills so much of a block is likely to have more.
constexpr std::size_t kMuch = BodyWriter::kBlockOctets / 4;
constexpr std::size_t kSpareBlocks = 8;

/// Blocks of messages that are gone: the heap gives one of that size, and takes it back, at some
/// cost.
std::vector<std::string>& spare_blocks() {
  thread_local std::vector<std::string> blocks;
  return blocks;
}

}  // namespace

BodyWriter::BodyWriter(smtp::ClientSession& session, bool chunking, bool no_dots)
    : session_(session), chunking_(chunking), no_dots_(no_dots) {
  std::vector<std::string>& spare = spare_blocks();
  if (!spare.empty()) {
    block_ = std::move(spare.back());
    spare.pop_back();
  }
  begin_block();
}

BodyWriter::~BodyWriter() {
  if (block_.capacity() >= kBlockOctets && spare_blocks().size() < kSpareBlocks) {
    spare_blocks().push_back(std::move(block_));
  }
}

void BodyWriter::begin_block() {
  block_.assign(chunking_ ? kHeaderRoom : 0, ' ');
}

net::Awaitable<bool> BodyWriter::write(std::string_view octets) {
  return chunking_ ? write_chunks(octets) : write_data(octets);
}

net::Awaitable<bool> BodyWriter::finish() {
  return chunking_ ? finish_chunks() : finish_data();
}

net::Awaitable<bool> BodyWriter::write_data(std::string_view octets) {
  if (octets.empty()) co_return true;
  if (block_.size() + octets.size() <= kBlockOctets) {
    stuff(octets);
    co_return true;
  }
  std::string_view by_reference;
  if (needs_dots(octets)) {
    stuff(octets);
  } else {
    by_reference = octets;
    remember_end(octets);
  }
  // finish() has more, if nobody else.
  const bool taken = co_await session_.write(block_, by_reference, tls::Stream::Follows::more);
  begin_block();
  co_return taken;
}

bool BodyWriter::needs_dots(std::string_view octets) const {
  if (no_dots_) return false;
  if (last_ == '\n' && octets.front() == '.') return true;
  return smtp::find_dot_line(octets) != std::string_view::npos;
}

void BodyWriter::stuff(std::string_view octets) {
  // Room for the end too, and for more where there is much: what is there is not copied again.
  const std::size_t wanted = block_.size() + octets.size() + kEndRoom;
  if (wanted > block_.capacity()) {
    block_.reserve(wanted > kMuch ? std::max(wanted, kBlockOctets + kEndRoom) : wanted);
  }
  if (last_ == '\n' && octets.front() == '.') block_ += '.';
  remember_end(octets);
  while (!no_dots_) {
    const std::size_t dot = smtp::find_dot_line(octets);
    if (dot == std::string_view::npos) break;
    block_.append(octets.substr(0, dot)) += '.';
    octets.remove_prefix(dot);
  }
  block_ += octets;
}

void BodyWriter::remember_end(std::string_view octets) {
  before_last_ = octets.size() > 1 ? octets[octets.size() - 2] : last_;
  last_ = octets.back();
}

net::Awaitable<bool> BodyWriter::finish_data() {
  const bool at_line_start = before_last_ == '\r' && last_ == '\n';
  block_ += at_line_start ? ".\r\n" : "\r\n.\r\n";
  const bool taken = co_await session_.write(block_);
  if (!taken) co_return false;
  session_.dialogue().body_sent();
  const bool answered = co_await session_.converse();
  co_return answered;
}

net::Awaitable<bool> BodyWriter::write_chunks(std::string_view octets) {
  for (;;) {
    const std::size_t room = kHeaderRoom + kBlockOctets - block_.size();
    if (octets.size() <= room) {
      block_ += octets;
      co_return true;
    }
    // At least one octet is left behind this chunk: the last one is never empty for nothing.
    const bool taken = co_await send_chunk(octets.substr(0, room), false);
    if (!taken) co_return false;
    octets.remove_prefix(room);
  }
}

/// The block and `rest` as one BDAT in one write.
net::Awaitable<bool> BodyWriter::send_chunk(std::string_view rest, bool last) {
  std::string header;
  smtp::append_bdat(block_.size() - kHeaderRoom + rest.size(), last, header);
  const std::size_t start = kHeaderRoom - header.size();
  block_.replace(start, header.size(), header);
  session_.dialogue().chunk_sent(last);
  const bool taken = co_await session_.write(std::string_view(block_).substr(start), rest);
  begin_block();
  if (!taken) co_return false;
  const bool pipelining = session_.dialogue().capabilities().pipelining;
  const bool alive = co_await session_.settle(pipelining && !last ? kChunksAhead : 0);
  co_return alive && !session_.dialogue().chunk_refused();
}

net::Awaitable<bool> BodyWriter::finish_chunks() {
  const bool sent = co_await send_chunk({}, true);
  co_return sent || !session_.failure();
}

}  // namespace postern::queue
