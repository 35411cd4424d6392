// SPDX-License-Identifier: Apache-2.0
// Reloads under load, on real sockets: no session is dropped, and no letter goes half by each
// config.
#include "server_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
#include <set>

namespace postern::gateway {
namespace {

using test::ExchangeClient;
using test::ExchangeClientHabits;
using test::Mail;
using ::testing::Each;
using ::testing::StartsWith;

constexpr int kSessions = 8;
constexpr int kReloads = 60;

class ReloadLoad : public ServerTest {
 protected:
  ReloadLoad() {
    setup.after = routes("exchange");
    setup.route_to_x = false;
    setup.listener = "max_recipients = 10";
    setup.before = "";
    // The tests' peers close after 20 connections from one address.
    setup.next_hop_keys = "max_connections = 16\nmax_messages = 100000";
  }
  /// Both domains of ours by one next hop. (The keys go on in the fixture's [routing].)
  static std::string routes(const std::string& hop) {
    return "independent_aliases = false\n[[route]]\ndomains = [\"company.ru\"]\nvia = \"" + hop +
           "\"\n";
  }

  /// One session that sends until it is told to stop; the letters that it was told 250 for.
  std::size_t send_on(int number, const std::atomic<bool>& stop) const {
    ExchangeClientHabits habits;
    habits.messages_per_connection = 1'000'000;
    ExchangeClient session = client(habits);
    std::size_t sent = 0;
    while (!stop.load()) {
      const std::string subject = std::to_string(number) + "-" + std::to_string(sent);
      const auto outcome = session.send("a@corp.com",
                                        {"u@company.ru", "w@tech.company.ru"},
                                        "Subject: letter " + subject + "\r\n\r\nbody\r\n");
      EXPECT_EQ(outcome.connection, "");
      EXPECT_THAT(outcome.mail, StartsWith("250 "));
      EXPECT_THAT(outcome.rcpt, Each(StartsWith("250 ")));
      EXPECT_TRUE(outcome.delivered()) << outcome.end;
      if (testing::Test::HasFailure()) break;
      ++sent;
    }
    EXPECT_EQ(session.connections(), 1U);
    return sent;
  }

  /// Reloads go back and forth between the two while all sessions send; letters that were sent.
  std::size_t send_through_reloads() {
    std::atomic<bool> stop{false};
    std::vector<std::size_t> sent(kSessions);
    std::vector<std::thread> sessions;
    for (int i = 0; i < kSessions; ++i) {
      sessions.emplace_back([&, i] { sent[static_cast<std::size_t>(i)] = send_on(i, stop); });
    }
    for (int i = 1; i <= kReloads && !testing::Test::HasFailure(); ++i) {
      // Each config is in force for some letters at least.
      const std::size_t before = x.mails().size() + v.mails().size();
      setup.after = routes(i % 2 == 0 ? "exchange" : "vk");
      reload();
      (i % 2 == 0 ? x : v).wait_for_mails((i % 2 == 0 ? x : v).mails().size() + 1);
      EXPECT_GT(x.mails().size() + v.mails().size(), before);
    }
    stop.store(true);
    for (std::thread& session : sessions)
      session.join();
    std::size_t all = 0;
    for (const std::size_t one : sent)
      all += one;
    return all;
  }

  /// The subjects that arrived; each letter came once, with both recipients.
  std::set<std::string> arrived() const {
    std::set<std::string> subjects;
    for (const test::ExchangeServer* peer : {&x, &v}) {
      for (const Mail& mail : peer->mails()) {
        EXPECT_EQ(mail.rcpt.size(), 2U);
        const std::size_t at = mail.octets.find("Subject: ");
        EXPECT_TRUE(subjects.insert(mail.octets.substr(at, mail.octets.find('\r', at) - at)).second)
            << "a letter came twice";
      }
    }
    return subjects;
  }
};

TEST_F(ReloadLoad, EachLetterGoesWhollyByOneConfigAndNoSessionNotices) {
  setup.delivery = "cut_through";
  start();
  const std::size_t sent = send_through_reloads();
  EXPECT_EQ(arrived().size(), sent);
  EXPECT_GT(x.mails().size(), std::size_t{kReloads / 2 - 1});
  EXPECT_GT(v.mails().size(), std::size_t{kReloads / 2 - 1});
}

TEST_F(ReloadLoad, TheSameOfLettersThatAreStored) {
  setup.delivery = "auto";
  start();
  const std::size_t sent = send_through_reloads();
  wait_for_queue(0);
  EXPECT_EQ(arrived().size(), sent);
}

}  // namespace
}  // namespace postern::gateway
