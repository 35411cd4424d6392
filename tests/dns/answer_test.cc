// SPDX-License-Identifier: Apache-2.0
#include "dns/answer.h"

#include "dns/answer_cache.h"

#include <ares.h>
#include <gtest/gtest.h>

#include <string>

namespace postern::dns {
namespace {

using namespace std::chrono_literals;

std::span<const unsigned char> octets(const std::string& message) {
  return {reinterpret_cast<const unsigned char*>(message.data()), message.size()};
}

/// "MX example" answered with 10 a.example (TTL 600) and 20 b.example (TTL 60).
std::string two_mx() {
  using namespace std::string_literals;
  return "\x12\x34\x81\x80\0\1\0\2\0\0\0\0\7example\0\0\x0f\0\1"s
         "\xc0\x0c\0\x0f\0\1\0\0\2\x58\0\6\0\x0a\1a\xc0\x0c"s
         "\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0\6\0\x14\1b\xc0\x0c"s;
}

TEST(Answer, HoldsTheRecordsAndTheLeastTtl) {
  const std::string message = two_mx();
  const Answer answer = read_answer(RecordType::mx, ARES_SUCCESS, octets(message));
  EXPECT_EQ(answer.status, Status::ok);
  ASSERT_EQ(answer.mx.size(), 2U);
  EXPECT_EQ(answer.mx[0].preference, 10);
  EXPECT_EQ(answer.mx[0].exchange, "a.example");
  EXPECT_EQ(answer.mx[1].exchange, "b.example");
  EXPECT_EQ(answer.ttl, 60s);
}

TEST(Answer, ThatIsCutShortIsAServerFailureOrHasFewerRecordsButNeverReadsBeyond) {
  const std::string message = two_mx();
  for (std::size_t size = 0; size < message.size(); ++size) {
    const std::string part = message.substr(0, size);
    const Answer answer = read_answer(RecordType::mx, ARES_SUCCESS, octets(part));
    EXPECT_EQ(answer.status, Status::server_failure) << size;
  }
}

TEST(Answer, TtlWithItsTopBitSetCountsAsNone) {
  std::string message = two_mx();
  message[message.size() - 12] = '\x80';
  EXPECT_EQ(read_answer(RecordType::mx, ARES_SUCCESS, octets(message)).ttl, 0s);
}

TEST(Answer, OfAnotherTypeIsNoData) {
  const std::string message = two_mx();
  EXPECT_EQ(read_answer(RecordType::a, ARES_SUCCESS, octets(message)).status, Status::no_data);
}

TEST(Answer, TellsTheFailuresOfCaresApart) {
  const std::pair<int, Status> cases[] = {
      {ARES_ENODATA,      Status::no_data       },
      {ARES_ENOTFOUND,    Status::nx_domain     },
      {ARES_EBADNAME,     Status::bad_name      },
      {ARES_ESERVFAIL,    Status::server_failure},
      {ARES_EREFUSED,     Status::server_failure},
      {ARES_ECONNREFUSED, Status::server_failure},
      {ARES_EBADRESP,     Status::server_failure},
      {ARES_EDESTRUCTION, Status::server_failure},
      {ARES_ETIMEOUT,     Status::timed_out     },
  };
  for (const auto& [code, status] : cases) {
    EXPECT_EQ(read_answer(RecordType::mx, code, {}).status, status) << ares_strerror(code);
  }
}

Answer addresses(Status status, const char* address = nullptr, std::chrono::seconds ttl = 0s) {
  Answer answer;
  answer.status = status;
  answer.ttl = ttl;
  if (address != nullptr) answer.addresses.push_back(*parse_ip(address));
  return answer;
}

TEST(Join, PutsIpv6FirstAndKeepsTheLesserTtl) {
  const AddressAnswer both =
      join(addresses(Status::ok, "2001:db8::1", 300s), addresses(Status::ok, "192.0.2.1", 60s));
  ASSERT_EQ(both.addresses.size(), 2U);
  EXPECT_TRUE(both.addresses[0].is_v6());
  EXPECT_EQ(both.ttl, 60s);
}

TEST(Join, SaysNothingOfANameOfWhichOneTypeCouldNotBeAsked) {
  EXPECT_EQ(join(addresses(Status::no_data), addresses(Status::timed_out)).status,
            Status::timed_out);
  EXPECT_EQ(join(addresses(Status::server_failure), addresses(Status::no_data)).status,
            Status::server_failure);
  EXPECT_EQ(join(addresses(Status::server_failure), addresses(Status::ok, "192.0.2.1")).status,
            Status::ok);
  EXPECT_EQ(join(addresses(Status::no_data), addresses(Status::no_data)).status, Status::no_data);
  EXPECT_EQ(join(addresses(Status::nx_domain), addresses(Status::nx_domain)).status,
            Status::nx_domain);
}

TEST(AnswerCache, KeepsAnAnswerForItsTtlAndTellsWhatIsLeft) {
  AnswerCache cache{Config()};
  const net::TimePoint now = net::Clock::now();
  cache.store("a", addresses(Status::ok, "192.0.2.1", 60s), now);
  const Answer* const found = cache.find("a", now + 20s);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->ttl, 40s);
  EXPECT_EQ(cache.find("a", now + 60s), nullptr);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(AnswerCache, BoundsTheTtl) {
  Config config;
  config.max_ttl = 100s;
  config.negative_ttl = 10s;
  AnswerCache cache(config);
  const net::TimePoint now = net::Clock::now();
  cache.store("long", addresses(Status::ok, "192.0.2.1", 9999s), now);
  cache.store("none", addresses(Status::nx_domain), now);
  cache.store("zero", addresses(Status::ok, "192.0.2.1", 0s), now);
  EXPECT_NE(cache.find("long", now + 99s), nullptr);
  EXPECT_EQ(cache.find("long", now + 100s), nullptr);
  EXPECT_NE(cache.find("none", now + 9s), nullptr);
  EXPECT_EQ(cache.find("none", now + 10s), nullptr);
  EXPECT_EQ(cache.find("zero", now), nullptr);
}

TEST(AnswerCache, ForgetsTheOldestWhenFull) {
  Config config;
  config.cache_entries = 2;
  AnswerCache cache(config);
  const net::TimePoint now = net::Clock::now();
  for (const char* key : {"a", "b", "a", "c"})
    cache.store(key, addresses(Status::ok, "192.0.2.1", 60s), now);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.find("b", now), nullptr) << "a was stored again after it";
  EXPECT_NE(cache.find("a", now), nullptr);
  EXPECT_NE(cache.find("c", now), nullptr);
}

TEST(AnswerCache, ForgetsTheOldestWhenAnswersAreLarge) {
  AnswerCache cache{Config()};
  const net::TimePoint now = net::Clock::now();
  Answer large;
  large.status = Status::ok;
  large.ttl = 60s;
  large.texts.emplace_back(AnswerCache::kMaxOctets / 4, 'x');
  for (const char* key : {"a", "b", "c", "d", "e"})
    cache.store(key, large, now);
  EXPECT_EQ(cache.size(), 3U) << "four do not fit with what belongs to them";
  EXPECT_EQ(cache.find("b", now), nullptr);
  EXPECT_NE(cache.find("e", now), nullptr);
  EXPECT_EQ(cache.find("c", now + 60s), nullptr) << "what has ended makes room";
  cache.store("f", large, now);
  EXPECT_EQ(cache.size(), 3U);
}

TEST(AnswerCache, KeepsNothingThatIsTransient) {
  AnswerCache cache{Config()};
  const net::TimePoint now = net::Clock::now();
  cache.store("a", addresses(Status::server_failure), now);
  cache.store("b", addresses(Status::timed_out), now);
  EXPECT_EQ(cache.size(), 0U);
}

}  // namespace
}  // namespace postern::dns
