// SPDX-License-Identifier: Apache-2.0
// A file directory of a million mailboxes (bounds: under 200 MB, under 1 microsecond a look-up,
// also while it is reloaded), and a server's directory whose answers are all cached.
#include "directories/cached_directory.h"
#include "routing/file_directory.h"

#include <benchmark/benchmark.h>
#include <boost/asio/co_spawn.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace postern;
using namespace postern::routing;

constexpr unsigned kMailboxes = 1'000'000;

Config one_domain() {
  Config config;
  Domain domain;
  domain.name = "company.ru";
  domain.aliases = {"tech.company.ru"};
  config.domains = {domain};
  return config;
}

/// Memory of this process, in megabytes.
double resident_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

/// The file, its directory, and what the directory added to the process.
class Million {
 public:
  static Million& get() {
    static Million instance;
    return instance;
  }
  ~Million() { std::filesystem::remove_all(folder_); }

  FileDirectory& directory() { return *directory_; }
  double megabytes() const { return megabytes_; }
  void touch() const {
    std::filesystem::last_write_time(path_, std::filesystem::file_time_type::clock::now());
  }

 private:
  Million() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    path_ = folder_ + "/mailboxes.txt";
    std::ofstream list(path_);
    for (unsigned i = 0; i < kMailboxes; ++i)
      list << "firstname.lastname" << i << "@company.ru\n";
    list.close();
    ::malloc_trim(0);
    const double before = resident_megabytes();
    WatchedTable::Options options;
    options.settle = {};
    directory_ = std::make_unique<FileDirectory>(config_, path_, options);
    ::malloc_trim(0);
    megabytes_ = resident_megabytes() - before;
  }

  const Config config_ = one_domain();
  std::string folder_;
  std::string path_;
  std::unique_ptr<FileDirectory> directory_;
  double megabytes_ = 0;
};

/// Addresses all over the table, so that the processor's caches do not flatter it.
const std::vector<smtp::Mailbox>& everywhere() {
  static const std::vector<smtp::Mailbox> all = [] {
    std::vector<smtp::Mailbox> out;
    unsigned at = 1;
    for (int i = 0; i < 65'536; ++i) {
      at = at * 1'664'525U + 1'013'904'223U;
      out.emplace_back("Firstname.Lastname" + std::to_string(at % kMailboxes), "tech.company.ru");
    }
    return out;
  }();
  return all;
}

void look_up_all(benchmark::State& state, const Directory& directory) {
  const std::vector<smtp::Mailbox>& addresses = everywhere();
  std::size_t at = 0;
  std::size_t wrong = 0;
  for (auto _ : state) {
    const std::optional<DirectoryAnswer> answer = directory.try_now(addresses[at]);
    at = (at + 1) % addresses.size();
    if (!answer || answer->presence != Presence::known) ++wrong;
  }
  if (wrong > 0) state.SkipWithError("an address was not known");
  state.SetItemsProcessed(state.iterations());
}

void BM_FileOfAMillion(benchmark::State& state) {
  look_up_all(state, Million::get().directory());
  state.counters["table_MB"] =
      benchmark::Counter(Million::get().megabytes(), benchmark::Counter::kAvgThreads);
}

void BM_FileOfAMillionWhileItIsReloaded(benchmark::State& state) {
  Million& million = Million::get();
  std::atomic<bool> stop{false};
  std::atomic<unsigned> reloads{0};
  std::thread reloader([&] {
    while (!stop) {
      million.touch();
      if (million.directory().refresh() == Refresh::reloaded) ++reloads;
    }
  });
  look_up_all(state, million.directory());
  stop = true;
  reloader.join();
  state.counters["reloads"] = reloads.load();
}

/// Knows everybody, at once.
class Everybody final : public directories::Asker {
 public:
  void ask(smtp::Mailbox, net::Executor, Done done) override {
    done({Presence::known, "ldap ad (dc1.company.ru)"});
  }
};

directories::CachedDirectory& warm() {
  static const Config config = one_domain();
  static const std::unique_ptr<directories::CachedDirectory> directory = [] {
    directories::CachedDirectory::Options options;
    options.name = "ldap ad";
    options.cache.known_for = std::chrono::hours(1);
    auto out = std::make_unique<directories::CachedDirectory>(
        config, std::make_unique<Everybody>(), options);
    net::IoContext io(1);
    for (const smtp::Mailbox& mailbox : everywhere()) {
      net::asio::co_spawn(io.get_executor(),
                          out->look_up(mailbox),
                          [](const std::exception_ptr&, const DirectoryAnswer&) {});
      io.restart();
      io.run();
    }
    return out;
  }();
  return *directory;
}

void BM_ServerWithAWarmCache(benchmark::State& state) {
  look_up_all(state, warm());
}

}  // namespace

BENCHMARK(BM_FileOfAMillion)->Threads(1)->Threads(2);
BENCHMARK(BM_FileOfAMillionWhileItIsReloaded)->UseRealTime();
BENCHMARK(BM_ServerWithAWarmCache)->Threads(1)->Threads(2);
