// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_bulk.h"

#include "ldap_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

// RFC 2696: a directory of 5,000 people is read by pages, whole or not at all.

namespace postern::directories::testing {
namespace {

using test::Slapd;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kPeople = 5000;

class LdapBulkTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Active Directory gives 1000 entries a page and refuses more without pages; so does this one.
    Slapd::Options options;
    options.extra = "sizelimit size.soft=1000 size.hard=1000 size.prtotal=unlimited";
    server_ = std::make_unique<Slapd>(options);
    std::string ldif;
    for (int i = 0; i < kPeople; ++i) {
      const std::string name = "user" + std::to_string(i);
      ldif +=
          Slapd::person(name, name + "@company.ru", "smtp:alias-" + name + "@company.ru x500:o");
    }
    server_->add(ldif);
    server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }

  static LdapSettings bulk(std::vector<std::string> servers) {
    LdapSettings out = settings_for(std::move(servers));
    out.filter = "(mail=*)";
    out.page_size = 500;
    return out;
  }
  struct Loaded {
    std::multiset<std::string> addresses;
    std::size_t count = 0;
    std::string error;
  };
  static Loaded load(const LdapSettings& settings) {
    Loaded out;
    const auto count =
        load_ldap(settings, [&](std::string_view address) { out.addresses.emplace(address); });
    if (count) {
      out.count = *count;
    } else {
      out.error = count.error();
    }
    return out;
  }
  static std::unique_ptr<Slapd> server_;
};
std::unique_ptr<Slapd> LdapBulkTest::server_;

TEST_F(LdapBulkTest, FiveThousandPeopleComeInPagesOfFiveHundred) {
  const Loaded got = load(bulk({server_->url()}));
  EXPECT_THAT(got.error, IsEmpty());
  EXPECT_EQ(got.count, 2U * kPeople);
  EXPECT_EQ(got.addresses.size(), 2U * kPeople);
  for (int i = 0; i < kPeople; ++i) {
    const std::string name = "user" + std::to_string(i) + "@company.ru";
    ASSERT_EQ(got.addresses.count(name), 1U) << name;
    ASSERT_EQ(got.addresses.count("alias-" + name), 1U) << name;
  }
}

TEST_F(LdapBulkTest, TheLastPageMayBeAShortOne) {
  LdapSettings settings = bulk({server_->url()});
  settings.page_size = 999;
  settings.attributes = {"mail"};
  EXPECT_EQ(load(settings).count, std::size_t{kPeople});
}

TEST_F(LdapBulkTest, AServerThatGivesLessThanAllGivesNothing) {
  Slapd::Options options;
  options.extra = "sizelimit size.soft=1000 size.hard=1000 size.prtotal=7";
  Slapd small(options);
  std::string ldif;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "user" + std::to_string(i);
    ldif += Slapd::person(name, name + "@company.ru");
  }
  small.add(ldif);
  small.start();
  LdapSettings settings = bulk({small.url()});
  settings.page_size = 5;
  const Loaded got = load(settings);
  EXPECT_THAT(got.addresses, IsEmpty());
  EXPECT_THAT(got.error,
              AllOf(HasSubstr("ldap ad: "), HasSubstr("Size limit exceeded (after 7 addresses)")));
}

TEST_F(LdapBulkTest, AServerThatDiesInTheMiddleGivesNothing) {
  const std::string part = search_entry("cn=ivanov", "i.ivanov@company.ru");
  const ScriptedServer dies({bind_answer(0), part + std::string(ScriptedServer::kClose)});
  const Loaded alone = load(bulk({dies.url()}));
  EXPECT_THAT(alone.addresses, IsEmpty());
  EXPECT_THAT(alone.error, HasSubstr("Can't contact LDAP server (after 1 addresses)"));
  const Loaded both = load(bulk({dies.url(), server_->url()}));
  EXPECT_EQ(both.count, 2U * kPeople) << "the next server, from the beginning";
}

TEST_F(LdapBulkTest, AServerWithoutPagesIsAnErrorAndNotAnEmptyDirectory) {
  const ScriptedServer plain({bind_answer(0), search_answer(0)});
  EXPECT_THAT(load(bulk({plain.url()})).error, HasSubstr("the server has no pages"));
}

TEST_F(LdapBulkTest, AWrongPasswordIsTriedAtOneServerOnly) {
  const ScriptedServer first({bind_answer(49)});
  const ScriptedServer second({bind_answer(49)});
  EXPECT_THAT(load(bulk({first.url(), second.url()})).error, HasSubstr("Invalid credentials"));
  EXPECT_EQ(first.clients() + second.clients(), 1);
}

TEST_F(LdapBulkTest, AStopEndsTheWaitForASilentServer) {
  const ScriptedServer silent({bind_answer(0)});
  LdapSettings settings = bulk({silent.url()});
  settings.timeout = std::chrono::hours(1);
  std::stop_source stop;
  stop.request_stop();
  const auto got = load_ldap(
      settings, [](std::string_view) { FAIL(); }, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error(), HasSubstr("stopped"));
}

TEST_F(LdapBulkTest, ADirectoryFromLdapKnowsWhoWasThereAtTheLastLoad) {
  routing::Config config;
  config.domains.resize(1);
  config.domains[0].name = "company.ru";
  Slapd server;
  server.add(people());
  server.start();
  std::mutex mutex;
  std::condition_variable told;
  std::vector<std::string> notices;
  BulkDirectory::Options options;
  options.name = "ldap ad";
  options.retry = options.refresh = std::chrono::hours(1);
  options.notice = [&](const std::string& line) {
    const std::lock_guard lock(mutex);
    notices.push_back(line);
    told.notify_all();
  };
  const auto await_notices = [&](std::size_t count) {
    std::unique_lock lock(mutex);
    return told.wait_for(lock, std::chrono::seconds(30), [&] { return notices.size() >= count; });
  };
  BulkDirectory directory(config, ldap_loader(bulk({server.url()})), options);
  ASSERT_TRUE(await_notices(1));
  const auto word = [&](std::string_view local) {
    return word_of(directory.look_up_now(mailbox(local)).presence);
  };
  EXPECT_EQ(word("i.ivanov"), "known");
  EXPECT_EQ(word("i.ivanov+tag"), "known") << "R8a";
  EXPECT_EQ(word("petrov"), "unknown");
  server.stop();
  server.add(Slapd::person("petrov", "petrov@company.ru"));
  directory.refresh();
  ASSERT_TRUE(await_notices(2));
  EXPECT_THAT(notices[1], AllOf(HasSubstr("Can't contact"), HasSubstr("stay in use (5 entries)")));
  EXPECT_EQ(word("i.ivanov"), "known");
  server.start();
  directory.refresh();
  ASSERT_TRUE(await_notices(3));
  EXPECT_EQ(word("petrov"), "known");
}

}  // namespace
}  // namespace postern::directories::testing
