// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_source.h"
#include "ldap_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#endif

// Servers that go away, come back, say "not now", or say nothing.

namespace postern::directories::testing {
namespace {

using routing::Presence;
using test::Slapd;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string ask(Source& source, std::string_view local = "v.vetrov") {
  const auto answer = source.look_up(mailbox(local));
  return std::string(word_of(answer.presence)) + " | " + answer.evidence;
}

/// libldap 2.5 does not free a Notice of Disconnection (RFC 4511 4.4.1) that comes where an answer
/// was awaited: 117 octets each time that a server is stopped in order. What a thread allocates in
/// this scope is no leak to the sanitizer.
struct LeavesNotices {
#if __has_feature(address_sanitizer)
  __lsan::ScopedDisabler disabler;
#else
  LeavesNotices() {}
#endif
};

/// Two servers with the same people; the first is preferred and tried again at every question.
struct Pair {
  Slapd first;
  Slapd second;
  LdapSettings settings;
  Pair() {
    for (Slapd* server : {&first, &second}) {
      server->add(people());
      server->start();
    }
    settings = settings_for({first.url(), second.url()});
    settings.rest = {};
  }
  static std::string name(const Slapd& server) { return ldap_server_name(server.url()); }
};

TEST(LdapFailoverTest, TheSecondServerAnswersWhenTheFirstHasDiedAndTheFirstWhenItIsBack) {
  Pair servers;
  const auto source = make_ldap_source(servers.settings);
  EXPECT_THAT(ask(*source), AllOf(StartsWith("known"), HasSubstr(Pair::name(servers.first))));
  servers.first.kill();
  EXPECT_THAT(ask(*source), AllOf(StartsWith("known"), HasSubstr(Pair::name(servers.second))));
  EXPECT_THAT(ask(*source, "n.nobody"), StartsWith("unknown"));
  servers.first.start();
  EXPECT_THAT(ask(*source), AllOf(StartsWith("known"), HasSubstr(Pair::name(servers.first))));
}

TEST(LdapFailoverTest, AServerThatFailedIsPassedOverWhileItRests) {
  Pair servers;
  servers.settings.rest = std::chrono::hours(1);
  const auto source = make_ldap_source(servers.settings);
  servers.first.kill();
  EXPECT_THAT(ask(*source), HasSubstr(Pair::name(servers.second)));
  servers.first.start();
  EXPECT_THAT(ask(*source), HasSubstr(Pair::name(servers.second)));
  servers.second.kill();
  EXPECT_THAT(ask(*source), AllOf(StartsWith("known"), HasSubstr(Pair::name(servers.first))))
      << "better a server that rests than no answer";
}

TEST(LdapFailoverTest, R9WhenNobodyAnswersItIsUnavailableAndBothServersAreNamed) {
  Pair servers;
  const auto source = make_ldap_source(servers.settings);
  servers.first.kill();
  servers.second.kill();
  EXPECT_THAT(ask(*source, "n.nobody"),
              AllOf(StartsWith("unavailable | ldap ad: " + Pair::name(servers.first) + ": "),
                    HasSubstr("; " + Pair::name(servers.second) + ": "),
                    HasSubstr("Can't contact LDAP server")));
}

TEST(LdapFailoverTest, AConnectionThatTheServerClosedIsRenewedWithoutAWord) {
  Slapd server;
  server.add(people());
  server.start();
  const auto source = make_ldap_source(settings_for({server.url()}));
  EXPECT_THAT(ask(*source), StartsWith("known"));
  server.stop();
  server.start();
  EXPECT_THAT(ask(*source), StartsWith("known"));
  server.kill();
  server.start();
  EXPECT_THAT(ask(*source, "n.nobody"), StartsWith("unknown"));
}

TEST(LdapFailoverTest, AServerThatClosesEveryConnectionIsRenewedOnceAndNotForEver) {
  const ScriptedServer server({bind_answer(0), std::string(ScriptedServer::kClose)});
  const auto source = make_ldap_source(settings_for({server.url()}));
  EXPECT_THAT(ask(*source), StartsWith("unavailable"));
  EXPECT_EQ(server.clients(), 1) << "it was new";
}

TEST(LdapFailoverTest, ABusyServerLeavesTheQuestionToTheNext) {
  Slapd second;
  second.add(people());
  second.start();
  for (const int code : {51, 52, 53}) {  // busy, unavailable, unwillingToPerform
    const ScriptedServer first({bind_answer(0), search_answer(code)});
    const auto alone = make_ldap_source(settings_for({first.url()}));
    EXPECT_THAT(ask(*alone, "n.nobody"), StartsWith("unavailable")) << code;
    const auto both = make_ldap_source(settings_for({first.url(), second.url()}));
    EXPECT_THAT(ask(*both), AllOf(StartsWith("known"), HasSubstr(Pair::name(second)))) << code;
  }
}

TEST(LdapFailoverTest, AReferralIsNotFollowed) {
  const ScriptedServer server({bind_answer(0), search_answer(10)});
  const auto source = make_ldap_source(settings_for({server.url()}));
  EXPECT_THAT(ask(*source), AllOf(StartsWith("unavailable"), HasSubstr("Referral")));
}

TEST(LdapFailoverTest, AnAccountThatWasRefusedIsNotTriedAgainForAWhile) {
  const ScriptedServer first({bind_answer(49)});
  const ScriptedServer second({bind_answer(49)});
  LdapSettings settings = settings_for({first.url(), second.url()});
  settings.rest = std::chrono::hours(1);
  const auto source = make_ldap_source(settings);
  const std::string once = ask(*source);
  EXPECT_THAT(once, AllOf(StartsWith("unavailable"), HasSubstr("Invalid credentials")));
  EXPECT_EQ(ask(*source), once);
  EXPECT_EQ(first.clients() + second.clients(), 1) << "a second try could lock the account";
}

/// Each of these servers keeps silent at another moment. The limits are the source's own, so that
/// the test hangs if one of them does not hold.
class LdapSilenceTest : public ::testing::Test {
 protected:
  static std::string ask_silent(const ScriptedServer& server,
                                std::string_view scheme,
                                bool start_tls = false) {
    LdapSettings settings = settings_for({server.url(scheme)});
    settings.timeout = std::chrono::milliseconds(300);
    settings.start_tls = start_tls;
    return ask(*make_ldap_source(settings));
  }
};

TEST_F(LdapSilenceTest, AtTheBind) {
  EXPECT_THAT(ask_silent(ScriptedServer({}), "ldap"),
              AllOf(StartsWith("unavailable"), HasSubstr("bind: no answer in time")));
}

TEST_F(LdapSilenceTest, AtTheHandshake) {
  EXPECT_THAT(ask_silent(ScriptedServer({}), "ldaps"),
              AllOf(StartsWith("unavailable"), HasSubstr("connect: no answer in time")));
  // The extended response to StartTLS, RFC 4511 4.14.
  const std::string yes("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", 14);
  EXPECT_THAT(ask_silent(ScriptedServer({yes}), "ldap", true),
              AllOf(StartsWith("unavailable"), HasSubstr("StartTLS: no answer in time")));
}

TEST_F(LdapSilenceTest, AtStartTls) {
  EXPECT_THAT(ask_silent(ScriptedServer({}), "ldap", true),
              AllOf(StartsWith("unavailable"), HasSubstr("StartTLS: no answer in time")));
}

TEST_F(LdapSilenceTest, AtTheSearch) {
  EXPECT_THAT(ask_silent(ScriptedServer({bind_answer(0)}), "ldap"),
              AllOf(StartsWith("unavailable"), HasSubstr("search: no answer in time")));
}

TEST_F(LdapSilenceTest, InTheMiddleOfAMessage) {
  const std::string half = search_answer(0).substr(0, 7);
  EXPECT_THAT(ask_silent(ScriptedServer({bind_answer(0), half}), "ldap"),
              AllOf(StartsWith("unavailable"), HasSubstr("search: no answer in time")));
  EXPECT_THAT(ask_silent(ScriptedServer({bind_answer(0).substr(0, 5)}), "ldap"),
              AllOf(StartsWith("unavailable"), HasSubstr("bind: no answer in time")));
}

TEST_F(LdapSilenceTest, ASilentServerLeavesTheNextItsPartOfTheTime) {
  const ScriptedServer silent({});
  Slapd second;
  second.add(people());
  second.start();
  LdapSettings settings = settings_for({silent.url(), second.url()});
  settings.timeout = std::chrono::seconds(4);
  EXPECT_THAT(ask(*make_ldap_source(settings)), StartsWith("known"));
}

TEST(LdapFailoverTest, OctetsThatAreNoLdapAreUnavailable) {
  struct Row {
    std::string octets;
    bool at_once;
  };
  for (const Row& row : {
           Row{"HTTP/1.1 400 Bad Request\r\n\r\n", false}, // "T": 84 octets follow
           Row{ std::string(16,                             '\0'),  true},
           Row{ std::string("\x30\x84\x7f\xff\xff\xff\x02\x01\x02",                                9),  true}, // 2 GB follow
  }) {
    const ScriptedServer server({bind_answer(0), row.octets});
    LdapSettings settings = settings_for({server.url()});
    settings.timeout = std::chrono::seconds(1);
    const std::string answer = ask(*make_ldap_source(settings));
    EXPECT_THAT(answer, StartsWith("unavailable"));
    EXPECT_EQ(answer.find("in time") == std::string::npos, row.at_once) << answer;
  }
}

TEST(LdapFailoverTest, R9UnderLoadARestartedServerNeverMakesAnAnswerWrong) {
  constexpr int kRestarts = 4;
  constexpr int kThreads = 3;
  Slapd server;
  server.add(people());
  server.start();
  LdapSettings settings = settings_for({server.url()});
  settings.rest = {};
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::mutex mutex;
  std::set<std::string> wrong;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      const LeavesNotices scope;
      const auto source = make_ldap_source(settings);
      while (!stop) {
        const auto known = source->look_up(mailbox("v.vetrov"));
        const auto unknown = source->look_up(mailbox("n.nobody"));
        if (known.presence != Presence::unavailable) {
          ++answered;
          answered.notify_one();
        }
        if (known.presence != Presence::unknown && unknown.presence != Presence::known) continue;
        const std::lock_guard lock(mutex);
        wrong.insert(known.evidence + " / " + unknown.evidence);
      }
    });
  }
  // Each phase ends when the threads have seen it: answers while it runs, again after the restart.
  const auto await_answers = [&] {
    const int enough = answered + 20 * kThreads;
    for (int now = answered; now < enough; now = answered)
      answered.wait(now);
  };
  for (int i = 0; i < kRestarts; ++i) {
    await_answers();
    i % 2 == 0 ? server.kill() : server.stop();
    server.start();
  }
  await_answers();
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_THAT(wrong, IsEmpty());
}

}  // namespace
}  // namespace postern::directories::testing
