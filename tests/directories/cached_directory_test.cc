// SPDX-License-Identifier: Apache-2.0
#include "directories/cached_directory.h"

#include "tests/directories/fake_source.h"

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::directories::testing {
namespace {

using namespace std::chrono_literals;
using routing::DirectoryAnswer;
using routing::Presence;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class CachedDirectoryTest : public ::testing::Test {
 protected:
  CachedDirectoryTest() {
    options_.name = "ldap ad";
    options_.now = clock_;
    options_.wall = wall_;
    options_.breaker.now = clock_;
  }

  CachedDirectory make() {
    return CachedDirectory(config_, std::make_unique<FakeAsker>(server_, &silent_), options_);
  }
  static Presence presence(const std::optional<DirectoryAnswer>& answer) {
    return answer.value_or(DirectoryAnswer{}).presence;
  }

  routing::Config config_ = two_domains();
  FakeServer server_;
  bool silent_ = false;
  ManualClock<std::chrono::steady_clock> clock_;
  ManualClock<std::chrono::system_clock> wall_;
  CachedDirectory::Options options_;
};

TEST_F(CachedDirectoryTest, AsksOnceAndSaysWhenAndHowOldTheAnswerIs) {
  server_.knows("anna@company.ru");
  const CachedDirectory directory = make();
  EXPECT_FALSE(directory.try_now(mailbox("anna@company.ru")));
  const DirectoryAnswer asked = run(directory, "anna@company.ru");
  EXPECT_EQ(asked.presence, Presence::known);
  EXPECT_THAT(asked.evidence, MatchesRegex("ldap ad \\(dc1\\), [0-9]+:[0-9]+:[0-9]+"));
  clock_.advance(30s);
  const std::optional<DirectoryAnswer> cached = directory.try_now(mailbox("anna@company.ru"));
  ASSERT_TRUE(cached);
  EXPECT_EQ(cached->presence, Presence::known);
  EXPECT_EQ(cached->evidence, asked.evidence + ", cached 30 s");
  EXPECT_EQ(run(directory, "anna@company.ru").evidence, cached->evidence);
  EXPECT_THAT(server_.asked(), ElementsAre("anna@company.ru"));
}

TEST_F(CachedDirectoryTest, R8aAsksForTheMainDomainFoldedFullFirstThenWithoutTheTag) {
  server_.knows("anna@company.ru");
  const CachedDirectory directory = make();
  EXPECT_EQ(run(directory, "Anna+News@Tech.Company.RU").presence, Presence::known);
  EXPECT_THAT(server_.asked(), ElementsAre("anna+news@company.ru", "anna@company.ru"));
  EXPECT_EQ(presence(directory.try_now(mailbox("ANNA+news@company.ru"))), Presence::known);
  EXPECT_EQ(server_.asked().size(), 2U);
}

TEST_F(CachedDirectoryTest, R8aATaggedAddressThatIsThereIsNotAskedForWithoutItsTag) {
  server_.knows("a+b@company.ru");
  const CachedDirectory directory = make();
  EXPECT_EQ(run(directory, "a+b@company.ru").presence, Presence::known);
  EXPECT_THAT(server_.asked(), ElementsAre("a+b@company.ru"));
}

TEST_F(CachedDirectoryTest, R8aLocalPartsKeepTheirCaseWhereTheConfigSaysSo) {
  config_.recipients.case_sensitive = true;
  config_.recipients.delimiter = "";
  server_.knows("Anna+x@company.ru");
  const CachedDirectory directory = make();
  EXPECT_EQ(run(directory, "Anna+x@COMPANY.ru").presence, Presence::known);
  EXPECT_EQ(run(directory, "anna+x@company.ru").presence, Presence::unknown);
  EXPECT_THAT(server_.asked(), ElementsAre("Anna+x@company.ru", "anna+x@company.ru"));
}

TEST_F(CachedDirectoryTest, R8aQuotesAreKeptOnlyWhereTheAddressNeedsThem) {
  const CachedDirectory directory = make();
  EXPECT_EQ(run(directory, "\"a.b\"@plant.ru").presence, Presence::unknown);
  EXPECT_EQ(run(directory, "\"a b\\\"c\"@plant.ru").presence, Presence::unknown);
  EXPECT_THAT(server_.asked(), ElementsAre("a.b@plant.ru", "\"a b\\\"c\"@plant.ru"));
}

TEST_F(CachedDirectoryTest, ADomainThatIsNotOursIsUnknownAndNobodyIsAsked) {
  const CachedDirectory directory = make();
  EXPECT_EQ(presence(directory.try_now(mailbox("anna@corp.com"))), Presence::unknown);
  EXPECT_EQ(run(directory, "anna@sub.company.ru").presence, Presence::unknown);
  EXPECT_THAT(server_.asked(), IsEmpty());
}

TEST_F(CachedDirectoryTest, KnownAndUnknownHaveLifetimesOfTheirOwn) {
  options_.cache.known_for = 10min;
  options_.cache.unknown_for = 1min;
  server_.knows("anna@company.ru");
  const CachedDirectory directory = make();
  run(directory, "anna@company.ru");
  run(directory, "boris@company.ru");
  clock_.advance(59s);
  EXPECT_TRUE(directory.try_now(mailbox("boris@company.ru")));
  clock_.advance(1s);
  EXPECT_FALSE(directory.try_now(mailbox("boris@company.ru")));
  clock_.advance(9min - 1ms);
  EXPECT_TRUE(directory.try_now(mailbox("anna@company.ru")));
  clock_.advance(1ms);
  EXPECT_FALSE(directory.try_now(mailbox("anna@company.ru")));
}

TEST_F(CachedDirectoryTest, ALifetimeOfZeroKeepsNothing) {
  options_.cache.known_for = 0ms;
  server_.knows("anna@company.ru");
  const CachedDirectory directory = make();
  EXPECT_EQ(run(directory, "anna@company.ru").presence, Presence::known);
  EXPECT_EQ(run(directory, "anna@company.ru").presence, Presence::known);
  EXPECT_EQ(server_.asked().size(), 2U);
  EXPECT_EQ(directory.cached(), 0U);
}

TEST_F(CachedDirectoryTest, R9WhatCannotBeAskedIsUnavailableAndNeverKept) {
  server_.is_down(true);
  const CachedDirectory directory = make();
  const DirectoryAnswer down = run(directory, "anna@company.ru");
  EXPECT_EQ(down.presence, Presence::unavailable);
  EXPECT_EQ(down.evidence, "ldap ad (dc1): cannot connect");
  server_.is_down(false);
  EXPECT_EQ(run(directory, "anna@company.ru").presence, Presence::unknown);
}

TEST_F(CachedDirectoryTest, R9ATaggedAddressIsUnavailableWhenTheFullOneCannotBeAsked) {
  server_.knows("anna@company.ru");
  const CachedDirectory directory = make();
  run(directory, "anna@company.ru");
  server_.is_down(true);
  EXPECT_EQ(run(directory, "anna+x@company.ru").presence, Presence::unavailable);
}

TEST_F(CachedDirectoryTest, AnAnswerThatHasHadItsTimeIsNoAnswerUnlessStaleForSaysSo) {
  for (const std::chrono::milliseconds stale : {0ms, 60'000ms}) {
    options_.cache = CacheConfig{.known_for = 1min, .unknown_for = 1min, .stale_for = stale};
    server_.is_down(false);
    server_.knows("anna@company.ru");
    const CachedDirectory directory = make();
    run(directory, "anna@company.ru");
    run(directory, "boris@company.ru");
    server_.is_down(true);
    clock_.advance(119s);
    const bool counts = stale > 0ms;
    const DirectoryAnswer anna = run(directory, "anna@company.ru");
    EXPECT_EQ(anna.presence, counts ? Presence::known : Presence::unavailable);
    if (counts) {
      EXPECT_THAT(anna.evidence, HasSubstr(", cached 119 s, stale: ldap ad (dc1): cannot"));
    }
    EXPECT_EQ(run(directory, "boris@company.ru").presence,
              counts ? Presence::unknown : Presence::unavailable);
    clock_.advance(1s);
    EXPECT_EQ(run(directory, "anna@company.ru").presence, Presence::unavailable);
  }
}

TEST_F(CachedDirectoryTest, ASilentServerIsGivenUpAtTheTimeLimit) {
  options_.limit = 20ms;
  options_.now = std::chrono::steady_clock::now;
  silent_ = true;
  const CachedDirectory directory = make();
  const DirectoryAnswer answer = run(directory, "anna@company.ru");
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_EQ(answer.evidence, "ldap ad: no answer within 20 ms");
}

TEST_F(CachedDirectoryTest, ADeadServerIsProbedAndNotWaitedForByEverybody) {
  options_.limit = 5ms;
  options_.now = std::chrono::steady_clock::now;  // the limit is a timer's
  options_.breaker.failures = 3;
  silent_ = true;
  const CachedDirectory directory = make();
  for (const char* who : {"a@company.ru", "b@company.ru", "c@company.ru"})
    EXPECT_THAT(run(directory, who).evidence, HasSubstr("no answer within"));
  const std::optional<DirectoryAnswer> refused = directory.try_now(mailbox("d@company.ru"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->presence, Presence::unavailable);
  EXPECT_EQ(refused->evidence, "ldap ad: it did not answer lately, it is asked again in 1 s");
  EXPECT_EQ(server_.asked().size(), 3U);
  silent_ = false;
  clock_.advance(1s);
  EXPECT_EQ(run(directory, "d@company.ru").presence, Presence::unknown);
  EXPECT_FALSE(directory.try_now(mailbox("e@company.ru")));  // it is asked as ever
}

TEST_F(CachedDirectoryTest, EvidenceIsOneLineOfBoundedLength) {
  class Rude final : public Asker {
   public:
    void ask(smtp::Mailbox, net::Executor, Done done) override {
      done({Presence::unknown, "a\r\nb\x01" + std::string(10'000, 'x')});
    }
  };
  const CachedDirectory directory(config_, std::make_unique<Rude>(), options_);
  const DirectoryAnswer answer = run(directory, "anna@company.ru");
  EXPECT_THAT(answer.evidence, StartsWith("a??b?xxx"));
  EXPECT_LT(answer.evidence.size(), 400U);
}

TEST_F(CachedDirectoryTest, ManyWhoWaitForOneAddressAskOnce) {
  std::vector<Asker::Done> waiting;
  class Slow final : public Asker {
   public:
    explicit Slow(std::vector<Asker::Done>& list) : list_(list) {}
    void ask(smtp::Mailbox, net::Executor, Done done) override { list_.push_back(std::move(done)); }

   private:
    std::vector<Asker::Done>& list_;
  };
  const CachedDirectory directory(config_, std::make_unique<Slow>(waiting), options_);
  net::IoContext io(1);
  int answers = 0;
  for (int i = 0; i < 50; ++i) {
    net::asio::co_spawn(io.get_executor(),
                        directory.look_up(mailbox("Anna@company.ru")),
                        [&answers](const std::exception_ptr&, const DirectoryAnswer& answer) {
                          answers += answer.presence == Presence::known ? 1 : 0;
                        });
  }
  io.poll();
  ASSERT_EQ(waiting.size(), 1U);
  waiting.front()({Presence::known, "ldap ad (dc1)"});
  io.run();
  EXPECT_EQ(answers, 50);
}

TEST_F(CachedDirectoryTest, AWorkerThatGoesDownWithQuestionsUnderWayHarmsNobody) {
  std::vector<Asker::Done> waiting;
  class Slow final : public Asker {
   public:
    explicit Slow(std::vector<Asker::Done>& list) : list_(list) {}
    void ask(smtp::Mailbox, net::Executor, Done done) override { list_.push_back(std::move(done)); }

   private:
    std::vector<Asker::Done>& list_;
  };
  auto directory =
      std::make_unique<CachedDirectory>(config_, std::make_unique<Slow>(waiting), options_);
  {
    net::IoContext io(1);
    net::asio::co_spawn(io.get_executor(),
                        directory->look_up(mailbox("anna@company.ru")),
                        [](const std::exception_ptr&, const DirectoryAnswer&) {});
    io.poll();
  }
  ASSERT_EQ(waiting.size(), 1U);
  directory.reset();
  waiting.front()({Presence::known, "ldap ad (dc1)"});  // nobody is there; ASan watches
}

}  // namespace
}  // namespace postern::directories::testing
