// SPDX-License-Identifier: Apache-2.0
#include "directories/ask_pool.h"

#include "directories/cached_directory.h"
#include "tests/directories/fake_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

namespace postern::directories::testing {
namespace {

using namespace std::chrono_literals;
using routing::DirectoryAnswer;
using routing::Presence;
using ::testing::HasSubstr;

class AskPoolTest : public ::testing::Test {
 protected:
  ~AskPoolTest() override { join_leftover_threads(); }

  std::unique_ptr<AskPool> pool(unsigned threads, std::size_t waiting = 1000) {
    return std::make_unique<AskPool>(server_.source(),
                                     AskPool::Options{"ldap ad", threads, waiting, 5000ms});
  }
  std::future<DirectoryAnswer> ask(AskPool& pool, std::string_view address) {
    auto promise = std::make_shared<std::promise<DirectoryAnswer>>();
    pool.ask(mailbox(address), io_.get_executor(), [promise](DirectoryAnswer answer) {
      promise->set_value(std::move(answer));
    });
    return promise->get_future();
  }

  FakeServer server_;
  net::IoContext io_{1};
};

TEST_F(AskPoolTest, AsksOnAThreadOfItsOwn) {
  server_.knows("anna@company.ru");
  const auto asked = pool(1);
  EXPECT_EQ(ask(*asked, "anna@company.ru").get().presence, Presence::known);
  EXPECT_EQ(ask(*asked, "boris@company.ru").get().presence, Presence::unknown);
}

TEST_F(AskPoolTest, AsksAsManyAtATimeAsItHasThreads) {
  server_.hold();
  const auto asked = pool(2);
  auto a = ask(*asked, "a@company.ru");
  auto b = ask(*asked, "b@company.ru");
  auto c = ask(*asked, "c@company.ru");
  server_.wait_for_questions(2);
  EXPECT_EQ(server_.asked().size(), 2U);
  server_.let_go();
  EXPECT_EQ(c.get().presence, Presence::unknown);
  EXPECT_EQ(server_.asked().size(), 3U);
}

TEST_F(AskPoolTest, AQueueThatIsFullIsUnavailableAtOnce) {
  server_.hold();
  const auto asked = pool(1, 2);
  auto first = ask(*asked, "a@company.ru");
  server_.wait_for_questions(1);
  auto second = ask(*asked, "b@company.ru");
  auto third = ask(*asked, "c@company.ru");
  const DirectoryAnswer refused = ask(*asked, "d@company.ru").get();
  EXPECT_EQ(refused.presence, Presence::unavailable);
  EXPECT_EQ(refused.evidence, "ldap ad: 2 questions wait already");
  server_.let_go();
  EXPECT_EQ(third.get().presence, Presence::unknown);
}

TEST_F(AskPoolTest, AQuestionThatWaitedTooLongIsNotAsked) {
  AskPool asked(server_.source(), AskPool::Options{"ldap ad", 1, 10, 0ms});
  EXPECT_THAT(ask(asked, "a@company.ru").get().evidence, HasSubstr("no connection was free"));
  EXPECT_TRUE(server_.asked().empty());
}

TEST_F(AskPoolTest, IsDroppedWhileAQuestionIsUnderWayWithoutWaitingForIt) {
  server_.hold();
  auto asked = pool(1);
  auto under_way = ask(*asked, "a@company.ru");
  server_.wait_for_questions(1);
  auto waiting = ask(*asked, "b@company.ru");
  asked.reset();  // would hang here if it waited: the server is held
  EXPECT_EQ(waiting.get().presence, Presence::unavailable);
  server_.let_go();
  EXPECT_EQ(under_way.get().presence, Presence::unknown);
}

TEST_F(AskPoolTest, ASourceThatThrowsIsUnavailableAndMadeAnew) {
  class Thrower final : public Source {
   public:
    DirectoryAnswer look_up(const smtp::Mailbox&) override { throw std::runtime_error("broken"); }
  };
  std::atomic<int> made{0};
  AskPool asked(
      [&made] {
        ++made;
        return std::make_unique<Thrower>();
      },
      AskPool::Options{"ldap ad", 1, 10, 5000ms});
  const DirectoryAnswer answer = ask(asked, "a@company.ru").get();
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_EQ(answer.evidence, "ldap ad: broken");
  EXPECT_EQ(made, 2);
}

TEST_F(AskPoolTest, ServesSeveralWorkersWhileTheServerComesAndGoes) {  // R9: never a guess
  const routing::Config config = two_domains();
  for (int i = 0; i < 100; i += 2)
    server_.knows("u" + std::to_string(i) + "@company.ru");
  CachedDirectory::Options options;
  options.name = "ldap ad";
  options.cache.known_for = options.cache.unknown_for = 0ms;  // each one asks
  const CachedDirectory directory(config, pool(2), options);
  std::atomic<unsigned> wrong{0};
  std::atomic<unsigned> told{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (int w = 0; w < 3; ++w) {
    workers.emplace_back([&, w] {
      for (int i = w; i < 600; ++i) {
        const bool there = i % 2 == 0;
        const DirectoryAnswer answer =
            run(directory, "u" + std::to_string(i % 100) + "+x@company.ru");
        if (answer.presence == Presence::unavailable) continue;
        ++told;
        if ((answer.presence == Presence::known) != there) ++wrong;
      }
    });
  }
  std::thread trouble([&] {
    for (bool down = true; !stop; down = !down) {
      server_.is_down(down);
      server_.wait_for_questions(server_.asked().size() + (stop ? 0U : 1U));
    }
  });
  for (std::thread& worker : workers)
    worker.join();
  stop = true;
  server_.answer(mailbox("last@company.ru"));
  trouble.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(told, 0U);
}

}  // namespace
}  // namespace postern::directories::testing
