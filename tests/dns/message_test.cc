// SPDX-License-Identifier: Apache-2.0
#include "dns/message.h"

#include "dns/answer.h"
#include "wire_message.h"

#include <ares.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace postern::dns {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::ScriptedRecord;
using test::WireMessage;
using testing::ElementsAre;

constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kCname = 5;
constexpr std::uint16_t kSoa = 6;
constexpr std::uint16_t kPtr = 12;
constexpr std::uint16_t kMx = 15;
constexpr std::uint16_t kTxt = 16;
constexpr std::uint16_t kTlsa = 52;

Octets octets_of(const std::string& message) {
  return {reinterpret_cast<const unsigned char*>(message.data()), message.size()};
}

Answer read(RecordType type, const WireMessage& message) {
  const std::string octets = message.str();
  return read_answer(type, ARES_SUCCESS, octets_of(octets));
}

Answer read(RecordType type, std::vector<ScriptedRecord> records) {
  WireMessage message;
  message.answers = std::move(records);
  return read(type, message);
}

std::vector<ScriptedRecord> many(std::size_t count, const ScriptedRecord& record) {
  return std::vector<ScriptedRecord>(count, record);
}

/// The name at offset 4 of `octets`, which stand behind 4 others.
std::optional<std::string> name_behind(const std::string& octets) {
  const std::string all = "\0\0\0\0"s + octets;
  std::size_t at = 4;
  return read_name(octets_of(all), at);
}

TEST(ReadAnswer, KeepsAFewRecordsOfAnAnswerThatHasMany) {
  const ScriptedRecord ptr{kPtr, test::cname_data("host.example"), 300, {}};
  const Answer names = read(RecordType::ptr, many(500, ptr));
  EXPECT_EQ(names.status, Status::ok);
  EXPECT_EQ(names.texts.size(), 4U);
  const ScriptedRecord mx{kMx, test::mx_data(10, "host.example"), 300, {}};
  EXPECT_EQ(read(RecordType::mx, many(500, mx)).mx.size(), 100U);
  const ScriptedRecord small{kTxt, test::txt_data({"x"}), 300, {}};
  EXPECT_EQ(read(RecordType::txt, many(500, small)).texts.size(), 100U);
  const ScriptedRecord large{kTxt, test::txt_data({std::string(200, 'x')}), 300, {}};
  EXPECT_EQ(read(RecordType::txt, many(90, large)).texts.size(), 81U) << "16 KiB";
  const ScriptedRecord huge{
      kTxt, test::txt_data(std::vector<std::string>(80, std::string(250, 'x'))), 300, {}};
  EXPECT_EQ(read(RecordType::txt, many(2, huge)).texts.size(), 1U);
}

TEST(ReadAnswer, WithMoreTlsaRecordsThanAreKeptIsAServerFailure) {
  const ScriptedRecord tlsa{kTlsa, test::tlsa_data(3, 1, 1, std::string(32, 'h')), 300, {}};
  EXPECT_EQ(read(RecordType::tlsa, many(100, tlsa)).tlsa.size(), 100U);
  const Answer more = read(RecordType::tlsa, many(101, tlsa));
  EXPECT_EQ(more.status, Status::server_failure);
  EXPECT_TRUE(more.tlsa.empty());
}

TEST(ReadName, JoinsLabelsInLowerCase) {
  EXPECT_EQ(name_behind("\4Mail\7EXAMPLE\0"s), "mail.example");
  EXPECT_EQ(name_behind("\0"s), "");
}

TEST(ReadName, EscapesWhatAHostNameCannotHold) {
  EXPECT_EQ(name_behind("\4a.\\b\0"s), "a\\.\\\\b");
  EXPECT_EQ(name_behind("\3\0\xff \0"s), "\\000\\255\\032");
}

TEST(ReadName, FollowsPointersBackwardsAndEndsBehindTheFirst) {
  const std::string all = "\1b\0\1a\xc0\0rest"s;
  std::size_t at = 3;
  EXPECT_EQ(read_name(octets_of(all), at), "a.b");
  EXPECT_EQ(at, 7U);
}

TEST(ReadName, RefusesCirclesForwardPointersAndWhatEndsEarly) {
  EXPECT_EQ(name_behind("\xc0\4"s), std::nullopt) << "itself";
  EXPECT_EQ(name_behind("\1a\xc0\4"s), std::nullopt) << "its own beginning";
  EXPECT_EQ(name_behind("\xc0\6\1a\0"s), std::nullopt) << "forwards";
  EXPECT_EQ(name_behind("\xc0"s), std::nullopt);
  EXPECT_EQ(name_behind("\5ab\0"s), std::nullopt);
  EXPECT_EQ(name_behind("\1a"s), std::nullopt) << "no root";
  EXPECT_EQ(name_behind("\x40" + std::string(80, 'a')), std::nullopt) << "a reserved label type";
  std::size_t beyond = 99;
  EXPECT_EQ(read_name(octets_of("a"s), beyond), std::nullopt);
}

TEST(ReadName, IsBoundedBy255Octets) {
  std::string longest;
  for (int i = 0; i < 126; ++i)
    longest += "\1a";
  EXPECT_TRUE(name_behind("\1b" + longest + "\0"s)) << "255 octets";
  EXPECT_FALSE(name_behind("\2bb" + longest + "\0"s)) << "256";
}

TEST(ReadAnswer, ReadsTlsaRecords) {
  WireMessage message;
  message.authentic = true;
  message.answers = {
      {kTlsa, test::tlsa_data(3, 1,      1,                  std::string(32, 'k')), 120},
      {kTlsa,     test::tlsa_data(255,                  7, 9, "x"),              60              }
  };
  const Answer answer = read(RecordType::tlsa, message);
  EXPECT_EQ(answer.status, Status::ok);
  EXPECT_TRUE(answer.secure);
  EXPECT_EQ(answer.ttl, 60s);
  ASSERT_EQ(answer.tlsa.size(), 2U) << "usable or not";
  EXPECT_EQ(answer.tlsa[0], (TlsaRecord{3, 1, 1, std::string(32, 'k')}));
  EXPECT_EQ(answer.tlsa[1].usage, 255);
}

TEST(ReadAnswer, IsAFailureWhereATlsaRecordIsCutShort) {
  for (const char* data : {"", "\3", "\3\1", "\3\1\1"}) {
    const Answer answer =
        read(RecordType::tlsa,
             {
                 {kTlsa,    test::tlsa_data(3, 1, 1, "good"), 60},
                 {kTlsa, data,                60                }
    });
    EXPECT_EQ(answer.status, Status::server_failure) << std::string(data).size();
    EXPECT_TRUE(answer.tlsa.empty());
  }
}

TEST(ReadAnswer, JoinsTheStringsOfATextRecord) {
  const Answer answer = read(RecordType::txt,
                             {
                                 {kTxt, test::txt_data({"v=STSv1; ", "id=1;"}), 60},
                                 {kTxt, test::txt_data({""}),                   60},
                                 {kTxt, test::txt_data({"a\0b"s}),              60}
  });
  EXPECT_THAT(answer.texts, ElementsAre("v=STSv1; id=1;", "", "a\0b"s));
  EXPECT_EQ(read(RecordType::txt,
                 {
                     {kTxt, "\5abc", 60}
  })
                .status,
            Status::server_failure);
  EXPECT_EQ(read(RecordType::txt,
                 {
                     {kTxt, "", 60}
  })
                .status,
            Status::server_failure);
}

TEST(ReadAnswer, ReadsPtrNames) {
  const Answer answer = read(RecordType::ptr,
                             {
                                 {kPtr, test::cname_data("Host.Example"), 60}
  });
  EXPECT_THAT(answer.texts, ElementsAre("host.example"));
}

TEST(ReadAnswer, IsAFailureWhereAnAddressOrExchangeHasTheWrongLength) {
  EXPECT_EQ(read(RecordType::a,
                 {
                     {kA, "\1\2\3", 60}
  })
                .status,
            Status::server_failure);
  EXPECT_EQ(read(RecordType::mx,
                 {
                     {kMx, "\0\12"s, 60}
  })
                .status,
            Status::server_failure);
  const std::string and_more = test::mx_data(10, "a.example") + "x";
  EXPECT_EQ(read(RecordType::mx,
                 {
                     {kMx, and_more, 60}
  })
                .status,
            Status::server_failure);
}

TEST(ReadAnswer, FollowsAliasesInWhateverOrderTheyStand) {
  WireMessage message;
  message.answers = {
      {kA,     test::a_data("192.0.2.1"),         300, "mail.example" },
      {kCname, test::cname_data("mail.example"),  30,  "other.example"},
      {kCname, test::cname_data("Other.Example"), 60,  "Q.example"    }
  };
  const Answer answer = read(RecordType::a, message);
  EXPECT_EQ(answer.addresses.size(), 1U);
  EXPECT_EQ(answer.canonical, "mail.example");
  EXPECT_EQ(answer.ttl, 30s);
}

TEST(ReadAnswer, PassesOverTheRecordsOfOtherNames) {
  const Answer answer = read(RecordType::a,
                             {
                                 {kA, test::a_data("192.0.2.66"), 300, "else.example"},
                                 {kA, test::a_data("192.0.2.1"),  300, ""            }
  });
  ASSERT_EQ(answer.addresses.size(), 1U);
  EXPECT_EQ(answer.addresses[0].to_string(), "192.0.2.1");
}

TEST(ReadAnswer, IsAFailureForAliasesInACircle) {
  const Answer answer = read(RecordType::a,
                             {
                                 {kCname, test::cname_data("b.example"), 60, "q.example"},
                                 {kCname, test::cname_data("q.example"), 60, "b.example"}
  });
  EXPECT_EQ(answer.status, Status::server_failure);
}

TEST(ReadAnswer, OfAnAliasThatLeadsToNothingIsNoData) {
  const Answer answer = read(RecordType::a,
                             {
                                 {kCname, test::cname_data("b.example"), 60}
  });
  EXPECT_EQ(answer.status, Status::no_data);
  EXPECT_EQ(answer.ttl, 0s);
}

TEST(ReadAnswer, OfAnAliasItselfIsItsTarget) {
  const Answer answer = read(RecordType::cname,
                             {
                                 {kCname, test::cname_data("b.example"), 60}
  });
  EXPECT_THAT(answer.texts, ElementsAre("b.example"));
  EXPECT_EQ(answer.canonical, "q.example");
}

TEST(ReadAnswer, TakesTheNegativeTtlFromTheSoa) {
  WireMessage message;
  message.rcode = 3;
  EXPECT_EQ(read(RecordType::mx, message).negative_ttl, std::nullopt);
  message.authority = {
      {kSoa, test::soa_data(50), 70, "example"}
  };
  EXPECT_EQ(read(RecordType::mx, message).status, Status::nx_domain);
  EXPECT_EQ(read(RecordType::mx, message).negative_ttl, 50s) << "MINIMUM";
  message.authority[0].ttl = 40;
  message.rcode = 0;
  EXPECT_EQ(read(RecordType::mx, message).status, Status::no_data);
  EXPECT_EQ(read(RecordType::mx, message).negative_ttl, 40s) << "the SOA's own TTL";
  message.authority[0].data.pop_back();
  EXPECT_EQ(read(RecordType::mx, message).negative_ttl, std::nullopt)
      << "a broken SOA says nothing";
}

TEST(ReadAnswer, IsSecureOnlyWithAnAnswer) {
  WireMessage message;
  message.authentic = true;
  message.rcode = 3;
  EXPECT_TRUE(read(RecordType::mx, message).secure) << "that a name is not there can be proved";
  message.rcode = 2;
  EXPECT_FALSE(read(RecordType::mx, message).secure);
  EXPECT_EQ(read(RecordType::mx, message).status, Status::server_failure);
}

TEST(Join, IsSecureWhenAllThatIsKnownIs) {
  Answer v6;
  Answer v4;
  v4.status = Status::ok;
  v4.addresses = {*parse_ip("192.0.2.1")};
  v4.secure = true;
  v4.canonical = "mail.example";
  EXPECT_TRUE(join(v6, v4).secure) << "AAAA could not be asked for: its addresses are not used";
  EXPECT_EQ(join(v6, v4).canonical, "mail.example");
  v6.status = Status::no_data;
  EXPECT_FALSE(join(v6, v4).secure);
  v6.secure = true;
  EXPECT_TRUE(join(v6, v4).secure);
  EXPECT_FALSE(join(Answer(), Answer()).secure);
}

}  // namespace
}  // namespace postern::dns
