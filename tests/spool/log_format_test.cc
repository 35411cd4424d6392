// SPDX-License-Identifier: Apache-2.0
// RocksDB's log, as far as damaged groups are found in it.
#include "queue/spool/log_format.h"

#include "base/crc32c.h"
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::spool::test {
namespace {

std::vector<LogPiece> pieces_of(std::string_view log) {
  std::vector<LogPiece> pieces;
  LogReader reader([&pieces](LogPiece&& piece) { pieces.push_back(std::move(piece)); });
  for (std::size_t at = 0; at < log.size(); at += kLogBlock)
    reader.block(log.substr(at, kLogBlock));
  reader.end();
  EXPECT_FALSE(reader.is_foreign());
  return pieces;
}

/// Records that end at every distance from a block's edge, and one that is longer than a block.
std::vector<std::string> records() {
  std::vector<std::string> out;
  for (std::size_t octets = kLogBlock - 40; octets < kLogBlock; ++octets) {
    out.push_back(patterned(octets, octets));
    out.push_back(patterned(7, octets));
  }
  out.push_back(patterned(3 * kLogBlock, 1));
  return out;
}

std::string log_of(const std::vector<std::string>& records) {
  LogWriter writer;
  std::string log;
  for (const std::string& record : records)
    writer.append(record, log);
  return log;
}

/// Sequence numbers of groups in a rest.
std::vector<std::uint64_t> sequences_in(std::string_view rest) {
  std::vector<std::uint64_t> out;
  LogReader::groups_in(
      rest, [&out](std::string_view group) { out.push_back(group_header(group).sequence); });
  return out;
}

TEST(LogFormat, WhatIsWrittenIsRead) {
  const std::vector<std::string> written = records();
  const std::vector<LogPiece> pieces = pieces_of(log_of(written));
  ASSERT_EQ(pieces.size(), written.size());
  for (std::size_t i = 0; i < written.size(); ++i) {
    EXPECT_TRUE(pieces[i].good);
    EXPECT_EQ(pieces[i].octets, written[i]);
  }
}

TEST(LogFormat, AWrongOctetCostsItsRecordAlone) {
  const std::vector<std::string> written = {
      patterned(100, 1), patterned(200, 2), patterned(80'000, 3), patterned(100, 4)};
  for (std::size_t wrong = 0; wrong + 1 < written.size(); ++wrong) {
    SCOPED_TRACE(wrong);
    std::string log = log_of(written);
    log[log.find(written[wrong].substr(50, 40)) + 20] ^= 1;
    const std::vector<LogPiece> pieces = pieces_of(log);
    ASSERT_EQ(pieces.size(), written.size());
    for (std::size_t i = 0; i < written.size(); ++i) {
      EXPECT_EQ(pieces[i].good, i != wrong);
      EXPECT_EQ(pieces[i].octets == written[i], i != wrong);
      EXPECT_EQ(pieces[i].octets.size(), written[i].size());
    }
    EXPECT_TRUE(pieces[wrong].whole);
  }
}

TEST(LogFormat, AWrongLengthCostsTheRestOfItsBlock) {
  const std::vector<std::string> written = {
      patterned(100, 1), patterned(200, 2), patterned(32'600, 3), patterned(100, 4)};
  std::string log = log_of(written);
  log[107 + 4] ^= 3;
  const std::vector<LogPiece> pieces = pieces_of(log);
  ASSERT_EQ(pieces.size(), 4U);
  EXPECT_EQ(pieces[0].octets, written[0]);
  EXPECT_FALSE(pieces[1].good);
  EXPECT_EQ(pieces[1].offset, 107U);
  EXPECT_EQ(pieces[1].end, kLogBlock);
  EXPECT_FALSE(pieces[2].good) << "its beginning was in the block before";
  EXPECT_EQ(pieces[3].octets, written[3]);
}

TEST(LogFormat, TellsOfGroupsInWhatCannotBeToldApart) {
  const auto group = [](char sequence) {
    return std::string(1, sequence) + std::string(GroupHeader::kOctets - 1, '\0') + "rest";
  };
  std::string log = log_of({group(7), group(8), group(9)});
  log[4] ^= 1;
  const std::vector<LogPiece> pieces = pieces_of(log);
  ASSERT_EQ(pieces.size(), 1U);
  ASSERT_EQ(pieces[0].rest_at, 0U);
  using Sequences = std::vector<std::uint64_t>;
  EXPECT_EQ(sequences_in(pieces[0].octets), (Sequences{8, 9}));
  EXPECT_EQ(sequences_in(std::string_view(log).substr(0, log.size() - 1)), Sequences{8});
  EXPECT_EQ(sequences_in(log_of({group(7)})), Sequences{}) << "the first is what is asked about";
}

/// The rest of a block is damaged, and a whole good record stands in it: somebody's letter.
TEST(LogFormat, ARecordWithinARecordIsNotTakenForOneOfTheLog) {
  const std::string inner = log_of({patterned(300, 9)});
  const std::vector<std::string> written = {patterned(500, 1) + inner + patterned(500, 2),
                                            patterned(kLogBlock, 3)};
  std::string log = log_of(written);
  log[4] ^= 1;
  for (const LogPiece& piece : pieces_of(log))
    EXPECT_FALSE(piece.good);
}

TEST(LogFormat, ATornEndIsOnePiece) {
  const std::vector<std::string> written = {patterned(100, 1), patterned(70'000, 2)};
  const std::string log = log_of(written);
  for (const std::size_t left : {108UL, 113UL, 115UL, 20'000UL, 40'000UL, log.size() - 1}) {
    SCOPED_TRACE(left);
    const std::vector<LogPiece> pieces = pieces_of(std::string_view(log).substr(0, left));
    ASSERT_EQ(pieces.size(), 2U);
    EXPECT_TRUE(pieces[0].good);
    EXPECT_FALSE(pieces[1].good);
    EXPECT_EQ(pieces[1].offset, 107U);
    const std::string_view octets = pieces[1].octets;
    EXPECT_TRUE(sequences_in(octets.substr(std::min(pieces[1].rest_at, octets.size()))).empty());
  }
}

/// A record with a checksum that is right, of this type and with these octets behind the header.
std::string record_of_type(char type, const std::string& octets, std::size_t length) {
  const std::uint32_t crc = crc32c(type + octets);
  const std::uint32_t masked = (crc >> 15U | crc << 17U) + 0xa282ead8U;
  std::string record;
  for (unsigned shift = 0; shift < 32; shift += 8)
    record.push_back(static_cast<char>(masked >> shift));
  record.push_back(static_cast<char>(length));
  return record + '\0' + type + octets;
}

bool is_foreign(std::string_view log) {
  LogReader reader([](LogPiece&&) {});
  reader.block(log);
  return reader.is_foreign();
}

TEST(LogFormat, ALogOfAnotherFormIsLeftAlone) {
  // Recycled: the number of the log stands in the header. Compressed: a record of its own says so.
  EXPECT_TRUE(is_foreign(record_of_type(5, "1234rest", 4)));
  EXPECT_TRUE(is_foreign(record_of_type(9, "how", 3)));
  EXPECT_FALSE(is_foreign(record_of_type(1, "rest", 4)));
  std::string flipped = record_of_type(1, "rest", 4);
  flipped[6] = 5;
  EXPECT_FALSE(is_foreign(flipped)) << "damaged";
}

TEST(LogFormat, NamesTheRecordsInOctetsOfWhichNoMoreIsKnown) {
  const MessageId id = MessageId::first_at(wall_now());
  std::string octets =
      "x\x01\x09"
      "e";
  for (int shift = 56; shift >= 0; shift -= 8)
    octets.push_back(static_cast<char>(id.value() >> static_cast<unsigned>(shift)));
  std::vector<MessageId> found;
  const auto take = [&found](MessageId one) { found.push_back(one); };
  find_records(octets + "rest" + octets.substr(0, 8), take);
  EXPECT_EQ(found, std::vector{id});
  found.clear();
  octets[4] = '\x7f';
  find_records(octets, take);
  EXPECT_TRUE(found.empty()) << "no letter came in the year 4000";
}

}  // namespace
}  // namespace postern::spool::test
