// SPDX-License-Identifier: Apache-2.0
// The process that crash_test.cc kills: commits messages to the spool in argv[1] from several
// threads and writes "id size seed\n" to standard output for each acknowledged one, until it is
// killed. Body sizes go from nothing to files of their own; some messages are settled, which is
// told as "- id".
#include "support.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <unistd.h>

namespace {

using namespace postern::spool;
using namespace postern::spool::test;

// One write(2) below PIPE_BUF: lines of several threads do not mix, none is torn.
void tell(const std::string& line) {
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::_Exit(1);
}

void work(Spool& spool, std::atomic<std::uint64_t>& seeds) {
  for (;;) {
    const std::uint64_t seed = ++seeds;
    const std::size_t size = seed % 7 == 0 ? 30'000 : seed % 2000;
    Committed fresh = commit(spool, patterned(size, seed));
    if (fresh.done.get()) std::_Exit(2);
    tell(fmt::format("+ {} {} {}\n", fresh.message->id().str(), size, seed));
    if (seed % 3 != 0) continue;
    // Told first: once it is settled it may be gone.
    tell(fmt::format("- {}\n", fresh.message->id().str()));
    settle_all(fresh.message);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  Options options = options_in(argv[1]);
  options.spill_octets = 10'000;
  options.segment_body_octets = 1'000;
  options.segment_octets = 200'000;
  options.memtable_octets = 1U << 20;
  auto spool = Spool::open(options);
  if (!spool) return 65;
  std::atomic<std::uint64_t> seeds{std::strtoull(argv[2], nullptr, 10)};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { work(**spool, seeds); });
  }
  for (std::thread& thread : threads)
    thread.join();
  return 0;
}
