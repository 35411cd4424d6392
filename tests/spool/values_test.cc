// SPDX-License-Identifier: Apache-2.0
// The spool's values: ids, checksums, records, the ledger, callbacks.
#include "queue/spool/callback.h"
#include "queue/spool/ledger.h"
#include "queue/spool/record.h"
#include "support.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <utility>

namespace postern::spool::test {
namespace {

std::string encoded(const Record& record) {
  std::string bytes;
  encode_record(record, bytes);
  return bytes;
}

TEST(MessageId, IsReadBackFromItsPrintedFormInEitherCase) {
  const MessageId id(0xfedcba9876543210ULL);
  std::string text = id.str();
  EXPECT_EQ(MessageId::parse(text), id);
  for (char& c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_EQ(MessageId::parse(text), id);
  EXPECT_EQ(MessageId::parse(MessageId(~0ULL).str()), MessageId(~0ULL));
}

TEST(MessageId, PrintedFormsAreOrderedAsIdsAre) {
  const MessageId early = MessageId::first_at(WallTime(std::chrono::seconds(1'000)));
  const MessageId late = MessageId::first_at(WallTime(std::chrono::seconds(1'700'000'000)));
  EXPECT_LT(early, late);
  EXPECT_LT(early.str(), late.str());
}

TEST(MessageId, RefusesWhatIsNoId) {
  EXPECT_FALSE(MessageId::parse(""));
  EXPECT_FALSE(MessageId::parse("000000000000"));
  EXPECT_FALSE(MessageId::parse("000000000000u"));
  EXPECT_FALSE(MessageId::parse("zzzzzzzzzzzzz")) << "65 bits";
}

TEST(MessageId, TellsWhenItWasBorn) {
  const WallTime now(std::chrono::microseconds(1'700'000'000'123'456));
  EXPECT_EQ(MessageId::first_at(now).born(), now);
}

TEST(MessageIds, AscendAlsoWhenTheClockGoesBack) {
  MessageIds ids;
  const WallTime noon(std::chrono::seconds(1'700'000'000));
  MessageId last = ids.next(noon);
  for (int i = 0; i < 10'000; ++i) {
    const MessageId next = ids.next(noon - std::chrono::seconds(i));
    ASSERT_GT(next, last);
    last = next;
  }
}

TEST(MessageIds, PassWhatIsTaken) {
  MessageIds ids;
  ids.pass(MessageId(~0ULL - 10));
  EXPECT_EQ(ids.next().value(), ~0ULL - 9);
}

TEST(Record, ComesBackAsItWas) {
  const Record before{full_envelope(), BodyPlace::file, 0xdeadbeefU};
  const auto after = decode_record(encoded(before));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->place, BodyPlace::file);
  EXPECT_EQ(after->body_crc, 0xdeadbeefU);
  const Envelope& e = after->envelope;
  EXPECT_EQ(e.sender.path.text(), "sender@corp.example");
  EXPECT_EQ(e.sender.parameters.size, 1234U);
  EXPECT_EQ(e.sender.parameters.body, smtp::Body::binary_mime);
  EXPECT_EQ(e.sender.parameters.ret, smtp::Ret::headers);
  EXPECT_TRUE(e.sender.parameters.smtputf8);
  EXPECT_TRUE(e.sender.parameters.requiretls);
  EXPECT_EQ(e.sender.parameters.envid, "env+20id");
  EXPECT_EQ(e.sender.parameters.auth, "auth@corp.example");
  EXPECT_EQ(e.origin.client, *parse_ip("2001:db8::7"));
  EXPECT_EQ(e.origin.listener_from, "exchange");
  EXPECT_EQ(e.origin.identity, "i.ivanov");
  EXPECT_TRUE(e.origin.tls);
  EXPECT_EQ(e.loop.trace_fields, before.envelope.loop.trace_fields);
  EXPECT_EQ(e.octets, ~0ULL);
  EXPECT_EQ(e.header_octets, 77U);
  EXPECT_EQ(e.config, 0xfeedU);
  EXPECT_TRUE(e.held);
  ASSERT_EQ(e.recipients.size(), 2U);
  const Recipient& r = e.recipients[1];
  EXPECT_EQ(r.address.address.text(), "\"quoted @ local\"@Company.Example");
  EXPECT_EQ(r.address.parameters.notify, (smtp::Notify{false, true, true, true}));
  EXPECT_EQ(r.address.parameters.orcpt, "rfc822;user@company.example");
  EXPECT_EQ(r.fate, Fate::failed);
  EXPECT_TRUE(r.warned);
  EXPECT_EQ(r.attempts, 7U);
  EXPECT_EQ(r.due, WallTime(std::chrono::microseconds(-5)));
  EXPECT_EQ(r.lane, "mx:company.example");
  EXPECT_EQ(r.last_host, "10.0.0.5:25");
  EXPECT_EQ(r.last_reply, before.envelope.recipients[1].last_reply);
  EXPECT_EQ(r.past, before.envelope.recipients[1].past);
  EXPECT_EQ(r.past.size(), 2U);
  EXPECT_EQ(encoded(before)[0], 3);
  EXPECT_EQ(encoded(*after), encoded(before));
}

TEST(Record, KeepsWhatCopiesAreOfAndIsOfVersion1WithoutAny) {
  Record record{full_envelope(), BodyPlace::database, 0};
  const std::vector<PastTry> past = std::exchange(record.envelope.recipients[1].past, {});
  EXPECT_EQ(encoded(record)[0], 1);
  record.envelope.loop.by_id = "0123456789abcdef0123456789abcdef";
  record.envelope.recipients[1].copy = 2;
  record.envelope.recipients[1].copy_of = smtp::Mailbox("user", "company.example");
  const std::string bytes = encoded(record);
  EXPECT_EQ(bytes[0], 2);
  const auto after = decode_record(bytes);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->envelope.loop.by_id, record.envelope.loop.by_id);
  EXPECT_EQ(after->envelope.recipients[0].copy, 0);
  EXPECT_EQ(after->envelope.recipients[1].copy, 2);
  EXPECT_EQ(after->envelope.recipients[1].copy_of.text(), "user@company.example");
  EXPECT_EQ(encoded(*after), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(decode_record(std::string_view(bytes).substr(0, size))) << size;
  record.envelope.recipients[1].past = past;
  const auto both = decode_record(encoded(record));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->envelope.recipients[1].past, past);
  EXPECT_EQ(both->envelope.recipients[1].copy_of.text(), "user@company.example");
}

TEST(Record, KeepsThatTlsIsNotRequiredBesideWhateverElseThereIs) {
  for (const bool tries : {false, true}) {
    for (const bool copies : {false, true}) {
      Record record{full_envelope(), BodyPlace::database, 0};
      if (!tries) record.envelope.recipients[1].past.clear();
      if (copies) {
        record.envelope.recipients[1].copy = 1;
        record.envelope.recipients[1].copy_of = smtp::Mailbox("user", "company.example");
      }
      const std::string without = encoded(record);
      EXPECT_LT(without[0], 4) << "what knows no version 4 can read it";
      EXPECT_FALSE(decode_record(without)->envelope.tls_not_required);
      record.envelope.tls_not_required = true;
      const std::string bytes = encoded(record);
      EXPECT_EQ(bytes[0], 4);
      const auto after = decode_record(bytes);
      ASSERT_TRUE(after);
      EXPECT_TRUE(after->envelope.tls_not_required);
      EXPECT_EQ(after->envelope.recipients[1].past, record.envelope.recipients[1].past);
      EXPECT_EQ(after->envelope.recipients[1].copy, copies ? 1 : 0);
      EXPECT_EQ(encoded(*after), bytes);
      for (std::size_t size = 0; size < bytes.size(); ++size)
        ASSERT_FALSE(decode_record(std::string_view(bytes).substr(0, size))) << size;
    }
  }
}

TEST(Record, OneEncodingForEachRecord) {
  // Version 4 with a flag that says nothing needs it.
  Record record{envelope_for(0), BodyPlace::database, 0};
  record.envelope.tls_not_required = true;
  std::string bytes = encoded(record);
  ASSERT_EQ(bytes.back(), 4);
  bytes.back() = 0;
  reseal_record(bytes);
  EXPECT_FALSE(decode_record(bytes));
}

TEST(Record, KeepsTheNullSenderNull) {
  Record record{envelope_for(), BodyPlace::database, 0};
  record.envelope.sender.path = smtp::ReversePath();
  const auto after = decode_record(encoded(record));
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->envelope.sender.path.is_null());  // R17
}

TEST(Record, RefusesEveryFlippedBit) {
  const std::string good = encoded({full_envelope(), BodyPlace::file, 1});
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(static_cast<unsigned char>(bad[bit / 8]) ^ 1U << bit % 8);
    ASSERT_FALSE(decode_record(bad)) << "bit " << bit;
  }
}

TEST(Record, RefusesEveryPrefixAndATail) {
  const std::string good = encoded({full_envelope(), BodyPlace::database, 0});
  for (std::size_t size = 0; size < good.size(); ++size) {
    std::string cut = good.substr(0, size);
    ASSERT_FALSE(decode_record(cut));
    reseal_record(cut);
    ASSERT_FALSE(decode_record(cut)) << "with a good checksum, " << size << " octets";
  }
  std::string longer = good + '\0';
  reseal_record(longer);
  EXPECT_FALSE(decode_record(longer));
}

TEST(Record, BelievesNoCountThatItsOctetsCannotHold) {
  std::string bytes = encoded({envelope_for(0), BodyPlace::database, 0});
  bytes.pop_back();                          // no recipients
  bytes += std::string("\xff\xff\xff\x7f");  // a quarter of a billion of them
  reseal_record(bytes);
  EXPECT_FALSE(decode_record(bytes));
}

TEST(Ledger, ComesBackAsItWasAndRefusesGarbage) {
  const LedgerRecord before{
      {9, 3, 2, 1, 2, 1, 1, 4096},
      MessageId(12345)
  };
  std::string bytes = encode_ledger(before);
  const auto after = decode_ledger(bytes);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->ledger, before.ledger);
  EXPECT_EQ(after->last_id, before.last_id);
  EXPECT_TRUE(after->ledger.balances());
  bytes[3] = static_cast<char>(bytes[3] + 1);
  EXPECT_FALSE(decode_ledger(bytes));
  EXPECT_FALSE(decode_ledger(""));
}

TEST(Callback, OwnsWhatCannotBeCopiedAndIsCalledOnce) {
  int got = 0;
  Callback<void(int)> callback = [&got, owned = std::make_unique<int>(41)](int more) {
    got = *owned + more;
  };
  ASSERT_TRUE(callback);
  callback(1);
  EXPECT_EQ(got, 42);
  EXPECT_FALSE(callback);
}

}  // namespace
}  // namespace postern::spool::test
