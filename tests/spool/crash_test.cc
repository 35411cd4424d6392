// SPDX-License-Identifier: Apache-2.0
// R15: kill -9 at any moment, and every message that was acknowledged is there, with its body.
#include "support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace postern::spool::test {
namespace {

struct Acknowledged {
  std::size_t size = 0;
  std::uint64_t seed = 0;
};

/// What all rounds were told.
struct Told {
  std::map<MessageId, Acknowledged> stored;
  std::set<MessageId> settled;
  std::uint64_t seeds = 0;

  void read(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    std::string id;
    words >> what >> id;
    const auto parsed = MessageId::parse(id);
    if (!parsed) return;  // the last line may be torn
    if (what == "-") settled.insert(*parsed);
    Acknowledged a;
    if (what != "+" || !(words >> a.size >> a.seed)) return;
    stored[*parsed] = a;
    seeds = std::max(seeds, a.seed);
  }
};

class Child {
 public:
  Child(const std::string& data, std::uint64_t seed) {
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addclose(&actions, pipe[0]);
    ::posix_spawn_file_actions_addclose(&actions, pipe[1]);
    std::string program = POSTERN_CRASH_CHILD;
    std::string dir = data;
    std::string from = fmt::format("{}", seed);
    std::array<char*, 4> args = {program.data(), dir.data(), from.data(), nullptr};
    if (::posix_spawn(&pid_, program.c_str(), &actions, nullptr, args.data(), environ) != 0) {
      std::abort();
    }
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    out_ = ::fdopen(pipe[0], "r");
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::fclose(out_);
  }
  Child(const Child&) = delete;

  /// Reads `lines`, kills it, and reads what it has said until then.
  void run_until(int lines, Told& told) {
    std::array<char, 256> buffer{};
    for (int i = 0; std::fgets(buffer.data(), static_cast<int>(buffer.size()), out_) != nullptr;
         ++i) {
      const std::string line = buffer.data();
      if (line.ends_with('\n')) told.read(line);
      if (i == lines) ::kill(pid_, SIGKILL);
    }
  }

 private:
  pid_t pid_ = 0;
  std::FILE* out_ = nullptr;
};

void verify(const std::string& data, Told& told) {
  Options options = options_in(data);
  options.spill_octets = 10'000;
  options.segment_body_octets = 1'000;
  options.segment_octets = 200'000;
  auto opened = Spool::open(options);
  ASSERT_TRUE(opened) << opened.error().text;
  Spool& spool = **opened;
  std::set<MessageId> present;
  spool.scan(Spool::Which::recovered,
             [&present](MessageId id, const Envelope&) { present.insert(id); });
  for (const auto& [id, about] : told.stored) {
    if (told.settled.contains(id) && !present.contains(id)) continue;
    ASSERT_TRUE(present.contains(id)) << id.str() << " was acknowledged and is lost";
    const auto body = body_of(spool, id);
    ASSERT_TRUE(body) << id.str() << ": " << body.error().message();
    ASSERT_EQ(*body, patterned(about.size, about.seed)) << id.str();
  }
  for (const MessageId id : present)
    ASSERT_TRUE(body_of(spool, id)) << id.str() << " is in the queue without its body";
  const Stats stats = spool.stats();
  EXPECT_EQ(stats.damaged_records, 0U);
  EXPECT_EQ(stats.ledger.damaged, 0);
  EXPECT_EQ(stats.ledger.queued, static_cast<std::int64_t>(present.size()));
  EXPECT_TRUE(stats.ledger.balances());
}

TEST(Crash, LosesNoAcknowledgedMessage) {
  const char* const wanted = std::getenv("POSTERN_CRASH_ROUNDS");
  const int rounds = wanted == nullptr ? 20 : std::atoi(wanted);
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> lines(0, 150);
  TempDir dir;
  Told told;
  for (int round = 0; round < rounds; ++round) {
    {
      Child child(dir.path("data"), told.seeds + 1000);
      child.run_until(lines(random), told);
    }
    verify(dir.path("data"), told);
    if (HasFatalFailure()) FAIL() << "in round " << round;
  }
  EXPECT_FALSE(told.stored.empty());
}

}  // namespace
}  // namespace postern::spool::test
