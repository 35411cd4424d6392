// SPDX-License-Identifier: Apache-2.0
// Recipients a second on one core: all stages on but those that ask others (policy servers,
// plug-ins), each with something to look up, a warm file directory of 1,000,000, a cut-over list of
// 100,000 and a wave of 50,000. The bound is 500,000 a second for each class and for the mix.
//
// Access pattern: each class is a stream of 262,144 recipients drawn uniformly from the million (or
// from as many names that are not there), in random order, each asked about once a round. A look-up
// therefore goes to a random place of the table (16 MB of slots, about 22 MB of records), which no
// level-2 cache holds; the stream itself is read in its order, as a session's recipients are.
#include "gateway/config.h"
#include "gateway/snapshot.h"
#include "routing/file_directory.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace {

/// Allocations of this thread: what the hot path must be sparing of.
thread_local std::uint64_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}

namespace {

using namespace postern;

constexpr std::uint32_t kMailboxes = 1'000'000;
constexpr std::uint32_t kCutOverEvery = 10;
constexpr std::uint32_t kInWaveEvery = 20;
constexpr std::uint32_t kDualEvery = 100;
constexpr std::uint32_t kRewritten = 10'000;
constexpr std::size_t kStream = 1 << 18;

constexpr const char* kConfig = R"(
hostname = "gw.company.ru"
[[listener]]
name = "mx"
bind = "127.0.0.1:0"
role = "mx"
[relay]
allow_without_auth = ["10.0.0.5", "10.0.1.0/24", "10.0.2.20", "2001:db8:7::/48"]
[[next_hop]]
name = "exchange"
hosts = ["10.0.0.5"]
behaves = "exchange"
[[next_hop]]
name = "vk"
hosts = ["10.0.1.10", "10.0.1.11"]
behaves = "vk_workspace"
[[next_hop]]
name = "dlp"
hosts = ["10.0.2.20"]
[[domain]]
name = "company.ru"
aliases = ["tech.company.ru"]
mailboxes = "vk"
cutover = "{0}/cutover.txt"
dual_delivery = "file:{0}/dual.txt"
[[wave]]
name = "pilot"
members = "file:{0}/wave.txt"
state = "dual"
[[list]]
action = "reject"
senders = ["@spam.example", "@*.spam.example"]
[[sender_route]]
senders = ["newsletter@company.ru"]
via = "dlp"
[[rewrite]]
map = "file:{0}/map.txt"
[[journal]]
to = "archive@journal.example"
via = "dlp"
recipients = ["@legal.company.ru"]
[[route]]
domains = ["company.ru", "*.partner.com"]
via = "exchange"
[recipients]
validate = {1}
unknown_redirect = "exchange"
directory = "file:{0}/mailboxes.txt"
[gateways]
internal = ["dlp"]
external = ["dlp"]
[routing]
trace_key = "a key of thirty-two octets or more"
)";

/// An address book of people, not of numbers in a row: lengths differ, and neighbours in the file
/// are no neighbours in the table. Odd numbers are nobody.
std::string local_part(std::uint32_t number) {
  static constexpr const char* kNames[] = {
      "ivanov", "p", "sidorova", "kuznetsov", "anna.k", "vetrov", "smirnova.elena", "o"};
  return fmt::format("{}.{:x}", kNames[number % 7], number * 2654435761U);
}

class Town {
 public:
  static const Town& get() {
    static const Town instance;
    return instance;
  }
  ~Town() { std::filesystem::remove_all(folder_); }

  const gateway::Snapshot& snapshot(bool validate) const { return validate ? *strict_ : *lax_; }
  const std::string& folder() const { return folder_; }

 private:
  Town() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    std::ofstream mailboxes(folder_ + "/mailboxes.txt");
    std::ofstream cutover(folder_ + "/cutover.txt");
    std::ofstream wave(folder_ + "/wave.txt");
    std::ofstream dual(folder_ + "/dual.txt");
    std::ofstream map(folder_ + "/map.txt");
    for (std::uint32_t i = 0; i < kMailboxes; ++i) {
      const std::string address = local_part(2 * i) + "@company.ru\n";
      mailboxes << address;
      if (i % kCutOverEvery == 0) cutover << address;
      if (i % kInWaveEvery == 1) wave << address;
      if (i % kDualEvery == 2) dual << address;
      if (i < kRewritten) map << "was." << local_part(2 * i) << "@company.ru " << address;
    }
    for (std::ofstream* file : {&mailboxes, &cutover, &wave, &dual, &map})
      file->close();
    strict_ = build("true");
    lax_ = build("false");
  }

  std::shared_ptr<const gateway::Snapshot> build(const char* validate) const {
    gateway::LoadResult loaded =
        gateway::parse_config(fmt::format(fmt::runtime(kConfig), folder_, validate), "bench", {});
    if (!loaded.config) {
      for (const auto& finding : loaded.findings)
        std::fprintf(stderr, "%s: %s\n", finding.key.c_str(), finding.message.c_str());
      std::abort();
    }
    auto built = gateway::Snapshot::build(std::move(*loaded.config));
    if (!built) std::abort();
    return *built;
  }

  std::string folder_;
  std::shared_ptr<const gateway::Snapshot> strict_;
  std::shared_ptr<const gateway::Snapshot> lax_;
};

enum class Class : std::uint8_t {
  copy_to_v,       ///< X to U@T, known: two look-ups
  unknown_in_v,    ///< E to U@T, unknown: refused (validate), or redirected to X
  by_route_to_x,   ///< E to U@D: the cut-over list, and D's route
  internal_relay,  ///< X to U@D, known: the cut-over list, the route passed over, two look-ups
  to_the_dlp,      ///< V to the outside: ten stages
  back_from_dlp,   ///< all of them
};

routing::Request request_of(Class kind, std::mt19937_64& random) {
  const auto number = static_cast<std::uint32_t>(random() % kMailboxes) * 2;
  routing::Request out;
  static const smtp::Sender kSender{smtp::ReversePath(smtp::Mailbox("olga", "corp.com")), {}};
  out.listener = "mx";
  out.sender = &kSender;
  const auto ask = [&out](const char* client, const std::string& local, const char* domain) {
    out.client = *parse_ip(client);
    out.recipient = smtp::Mailbox(local, domain);
  };
  switch (kind) {
    case Class::copy_to_v:
      ask("10.0.0.5", local_part(number), "tech.company.ru");
      break;
    case Class::unknown_in_v:
      ask("203.0.113.9", local_part(number + 1), "tech.company.ru");
      break;
    case Class::by_route_to_x:
      ask("203.0.113.9", local_part(number), "company.ru");
      break;
    case Class::internal_relay:
      ask("10.0.0.5", local_part(number), "company.ru");
      break;
    case Class::to_the_dlp:
      ask("10.0.1.10", local_part(number), "corp.com");
      break;
    case Class::back_from_dlp:
      ask("10.0.2.20", local_part(number), "corp.com");
      break;
  }
  return out;
}

void run(benchmark::State& state, const std::vector<Class>& classes, bool validate) {
  const routing::Pipeline& pipeline = Town::get().snapshot(validate).pipeline();
  std::mt19937_64 random(4);
  std::vector<routing::Request> stream;
  stream.reserve(kStream);
  for (std::size_t i = 0; i < kStream; ++i)
    stream.push_back(request_of(classes[random() % classes.size()], random));
  std::size_t next = 0;
  std::uint64_t stages = 0;
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    std::optional<routing::Decision> decision = pipeline.decide_now(stream[next]);
    next = (next + 1) % kStream;
    stages += decision->trace.size();
    benchmark::DoNotOptimize(decision);
  }
  state.SetItemsProcessed(state.iterations());
  const auto decided = static_cast<double>(state.iterations());
  state.counters["stages"] = static_cast<double>(stages) / decided;
  state.counters["allocations"] = static_cast<double>(allocations - before) / decided;
}

void recipients(benchmark::State& state, Class kind, bool validate) {
  run(state, {kind}, validate);
}

/// What a gateway between X and V sees: half of it comes from X, a tenth is for nobody.
void recipients_mix(benchmark::State& state, bool validate) {
  run(state,
      {Class::copy_to_v,
       Class::copy_to_v,
       Class::internal_relay,
       Class::internal_relay,
       Class::internal_relay,
       Class::by_route_to_x,
       Class::by_route_to_x,
       Class::unknown_in_v,
       Class::to_the_dlp,
       Class::back_from_dlp},
      validate);
}

double resident_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

/// One look-up at a random place, half of them for nobody; and what a directory of a million takes.
void directory_of_a_million(benchmark::State& state) {
  const Town& town = Town::get();
  const double before = resident_megabytes();
  const routing::FileDirectory directory(town.snapshot(true).config().routing,
                                         town.folder() + "/mailboxes.txt");
  state.counters["directory_MB"] = resident_megabytes() - before;
  std::mt19937_64 random(5);
  std::vector<smtp::Mailbox> stream;
  for (std::size_t i = 0; i < kStream; ++i) {
    stream.emplace_back(local_part(static_cast<std::uint32_t>(random() % (2 * kMailboxes))),
                        "tech.company.ru");
  }
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(directory.look_up_now(stream[next]));
    next = (next + 1) % kStream;
  }
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

BENCHMARK(directory_of_a_million);
BENCHMARK_CAPTURE(recipients_mix, strict, true);
BENCHMARK_CAPTURE(recipients_mix, redirect, false);
BENCHMARK_CAPTURE(recipients, copy_to_v, Class::copy_to_v, true);
BENCHMARK_CAPTURE(recipients, unknown_refused, Class::unknown_in_v, true);
BENCHMARK_CAPTURE(recipients, unknown_redirected, Class::unknown_in_v, false);
BENCHMARK_CAPTURE(recipients, by_route_to_x, Class::by_route_to_x, true);
BENCHMARK_CAPTURE(recipients, internal_relay, Class::internal_relay, true);
BENCHMARK_CAPTURE(recipients, to_the_dlp, Class::to_the_dlp, true);
BENCHMARK_CAPTURE(recipients, back_from_dlp, Class::back_from_dlp, true);
