// SPDX-License-Identifier: Apache-2.0
// Records of envelopes: as they are written, and as a crash or a bad disk leaves them.
#include "gateway/recorded_envelope.h"

#include "recorded_envelopes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

std::vector<RecordedEnvelope> read(std::string_view octets, std::size_t damaged = 0) {
  std::vector<RecordedEnvelope> out;
  RecordReader reader(octets);
  for (RecordedEnvelope one; reader.next(one);)
    out.push_back(one);
  EXPECT_EQ(reader.damaged(), damaged);
  return out;
}

std::string written(const std::vector<RecordedEnvelope>& envelopes) {
  std::string out;
  for (const RecordedEnvelope& envelope : envelopes)
    append_record(envelope, out);
  return out;
}

RecordedEnvelope full() {
  RecordedEnvelope out = routed("anna@company.ru", "exchange");
  out.time += std::chrono::milliseconds(5);
  out.hashed = true;
  out.client = *parse_ip("2001:db8::7");
  out.identity = "olga";
  out.sender = {};
  out.size = 0;
  out.recipients[0].way.recipient_out = *smtp::Mailbox::parse("anna@tech.company.ru");
  RecordedRecipient refused;
  refused.address = smtp::Mailbox("Postmaster", "");
  refused.way.code = 550;
  refused.way.status = {5, 1, 1};
  refused.way.stage = "address_validation";
  out.recipients.push_back(refused);
  out.recipients[0].way.copies = {
      {routing::CopyKind::dual,    "exchange", *smtp::Mailbox::parse("anna@company.ru")},
      {routing::CopyKind::journal, "archive",  *smtp::Mailbox::parse("all@archive.ru") }
  };
  return out;
}

TEST(RecordedEnvelope, IsReadAsItWasWritten) {
  const std::vector<RecordedEnvelope> all{
      full(), routed("Boris.\"x y\"@Company.RU", "vk"), RecordedEnvelope(), full()};
  EXPECT_EQ(read(written(all)), all);
  EXPECT_THAT(read(""), SizeIs(0));
}

TEST(RecordedEnvelope, WithoutCopiesIsReadAndSaysThatItKnowsNone) {
  RecordedEnvelope before = full();
  before.knows_copies = false;
  const std::string octets = written({before, full()});
  before.recipients[0].way.copies.clear();
  EXPECT_EQ(read(octets), (std::vector{before, full()}));
  // The same octets as a recorder without copies wrote, but for the flag of the others.
  RecordedEnvelope plain = routed("anna@company.ru", "vk");
  plain.knows_copies = false;
  RecordedEnvelope known = plain;
  known.knows_copies = true;
  EXPECT_EQ(written({known}).size(), written({plain}).size() + 1) << "how many: none";
}

TEST(RecordedEnvelope, CutShortAnywhereLosesItselfAloneAndIsNoDamage) {
  const std::string first = written({full()});
  const std::string both = written({full(), full()});
  for (std::size_t size = first.size(); size < both.size(); ++size) {
    ASSERT_EQ(read(both.substr(0, size)), std::vector{full()}) << size;
  }
}

TEST(RecordedEnvelope, WithAnyBitFlippedIsPassedOverAndTheNextOneRead) {
  const std::string first = written({full()});
  const RecordedEnvelope next = routed("boris@company.ru", "vk");
  const std::string rest = written({next});
  for (std::size_t bit = 0; bit < first.size() * 8; ++bit) {
    std::string octets = first;
    octets[bit / 8] =
        static_cast<char>(static_cast<unsigned char>(octets[bit / 8]) ^ 1U << bit % 8);
    ASSERT_EQ(read(octets + rest, 1), std::vector{next}) << bit;
  }
}

TEST(RecordedEnvelope, TheReaderTellsWhereTheLastWholeRecordEnds) {
  const std::string two = written({full(), full()});
  RecordReader reader(std::string_view(two).substr(0, two.size() - 1));
  EXPECT_TRUE(reader.skip());
  EXPECT_FALSE(reader.skip());
  EXPECT_EQ(reader.position(), two.size() / 2);
}

TEST(RecordedEnvelope, ADecisionAsAWay) {
  routing::Decision decision;
  decision.kind = routing::DecisionKind::route;
  decision.target.mx_domain = "corp.com";
  decision.recipient_out = *smtp::Mailbox::parse("a@corp.com");
  decision.stage = "dns_mx";
  const Way way = way_of(decision);
  EXPECT_EQ(way.hop, "mx:corp.com");
  EXPECT_EQ(way.recipient_out, decision.recipient_out);
  EXPECT_EQ(way.stage, "dns_mx");
  EXPECT_EQ(way.code, 0);
  decision.kind = routing::DecisionKind::defer;
  decision.reply = smtp::Reply(451, {4, 4, 3}, "no"_text);
  EXPECT_EQ(way_of(decision).code, 451);
  EXPECT_EQ(way_of(decision).hop, "");
}

}  // namespace
}  // namespace postern::gateway
