// SPDX-License-Identifier: Apache-2.0
// Recipients a second on one core: all stages on but those that ask others (policy servers,
// plug-ins), each with something to look up, a warm file directory of 1,000,000, a cut-over list of
// 100,000 and a wave of 50,000. The bound is 500,000 a second for each class and for the mix.
//
// Access pattern: each class is a stream of 262,144 recipients drawn uniformly from the million (or
// from as many names that are not there), in random order, each asked about once a round. A look-up
// therefore goes to a random place of the table (16 MB of slots, about 22 MB of records), which no
// level-2 cache holds; the stream itself is read in its order, as a session's recipients are. One
// in 20 of those at our domains has a mapped address (rewrite), one in 20 has a tag. Each outcome
// is looked at before the time is taken.
//
// Rows of one class: decide_now(), which is a plain function, and "awaited", which is decide() as
// sessions, the queue and retries call it, a coroutine in a coroutine.
#include "gateway/config.h"
#include "gateway/snapshot.h"
#include "routing/file_directory.h"

#include <benchmark/benchmark.h>
#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <utility>
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
constexpr std::uint32_t kOfAFew = 20;  ///< one in so many is mapped, another one has a tag
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
      if (i >= kRewritten) continue;
      for (const char* domain : {"company.ru", "tech.company.ru"})
        map << fmt::format("was.{0}@{1} {0}@{1}\n", local_part(2 * i), domain);
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
  by_route_to_x,   ///< E to U@D: by D's route, but for who has left X or has a mailbox in V, too
  internal_relay,  ///< X to U@D, known: the cut-over list, the route passed over, two look-ups
  to_the_dlp,      ///< V to the outside: ten stages
  back_from_dlp,   ///< all of them
};

/// A recipient and where he must go; "": nowhere, he is refused.
struct Question {
  routing::Request request;
  std::string_view target;
};

/// E to U@D goes to V where a list says so; the wave is not cut over.
bool leaves_x(std::uint32_t place) {
  return place % kCutOverEvery == 0 || place % kDualEvery == 2;
}

Question question_of(Class kind, bool validate, std::mt19937_64& random) {
  static const smtp::Sender kSender{smtp::ReversePath(smtp::Mailbox("olga", "corp.com")), {}};
  const auto lot = random() % kOfAFew;
  const bool is_mapped = lot == 0 && kind != Class::unknown_in_v;
  const auto place = static_cast<std::uint32_t>(random() % (is_mapped ? kRewritten : kMailboxes));
  std::string known = local_part(2 * place);
  if (is_mapped) known.insert(0, "was.");
  if (lot == 1) known += "+news";
  Question out;
  out.request.listener = "mx";
  out.request.sender = &kSender;
  const auto ask = [&out](const char* client, const std::string& local, const char* domain) {
    out.request.client = *parse_ip(client);
    out.request.recipient = smtp::Mailbox(local, domain);
  };
  switch (kind) {
    case Class::copy_to_v:
      ask("10.0.0.5", known, "tech.company.ru");
      out.target = "vk";
      break;
    case Class::unknown_in_v:
      ask("203.0.113.9", local_part(2 * place + 1) + (lot == 1 ? "+news" : ""), "tech.company.ru");
      out.target = validate ? "" : "exchange";
      break;
    case Class::by_route_to_x:
      ask("203.0.113.9", known, "company.ru");
      out.target = leaves_x(place) ? "vk" : "exchange";
      break;
    case Class::internal_relay:
      ask("10.0.0.5", known, "company.ru");
      out.target = "vk";
      break;
    case Class::to_the_dlp:
      ask("10.0.1.10", local_part(2 * place), "corp.com");
      out.target = "dlp";
      break;
    case Class::back_from_dlp:
      ask("10.0.2.20", local_part(2 * place), "corp.com");
      out.target = "mx:corp.com";
      break;
  }
  return out;
}

bool is_right(const Question& question, const routing::Decision& decision) {
  if (question.target.empty()) return decision.kind == routing::DecisionKind::reject;
  return decision.kind == routing::DecisionKind::route && decision.target.name() == question.target;
}

/// How a decision is asked for.
enum class Way : std::uint8_t { now, awaited };

class Run {
 public:
  Run(const routing::Pipeline& pipeline, const std::vector<Class>& classes, bool validate)
      : pipeline_(pipeline) {
    std::mt19937_64 random(4);
    stream_.reserve(kStream);
    for (std::size_t i = 0; i < kStream; ++i)
      stream_.push_back(question_of(classes[random() % classes.size()], validate, random));
  }

  /// The first recipient who goes elsewhere than he must; empty: there is none.
  std::string mistake() const {
    for (const Question& question : stream_) {
      const std::optional<routing::Decision> decision = pipeline_.decide_now(question.request);
      if (decision && is_right(question, *decision)) continue;
      return fmt::format("{} goes to \"{}\", not to \"{}\"",
                         question.request.recipient.text(),
                         decision ? decision->target.name() : "nobody at once",
                         question.target);
    }
    return {};
  }

  void now(benchmark::State& state) {
    for (auto _ : state)
      take(pipeline_.decide_now(next()));
  }

  void awaited(benchmark::State& state) {
    net::IoContext io;
    net::asio::co_spawn(io.get_executor(), ask(state), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    io.run();
  }

  void report(benchmark::State& state, std::uint64_t allocated) const {
    state.SetItemsProcessed(state.iterations());
    const auto decided = static_cast<double>(state.iterations());
    state.counters["stages"] = static_cast<double>(stages_) / decided;
    state.counters["allocations"] = static_cast<double>(allocated) / decided;
  }

 private:
  const routing::Request& next() { return stream_[next_++ % kStream].request; }
  void take(std::optional<routing::Decision> decision) {
    stages_ += decision->trace.size();
    benchmark::DoNotOptimize(decision);
  }
  net::Awaitable<> ask(benchmark::State& state) {
    for (auto _ : state) {
      routing::Decision decision = co_await pipeline_.decide(next());
      take(std::move(decision));
    }
  }

  const routing::Pipeline& pipeline_;
  std::vector<Question> stream_;
  std::size_t next_ = 0;
  std::uint64_t stages_ = 0;
};

void run(benchmark::State& state, const std::vector<Class>& classes, bool validate, Way way) {
  static std::map<std::pair<std::vector<Class>, bool>, std::string>
      mistakes;  // each looked for once
  Run run(Town::get().snapshot(validate).pipeline(), classes, validate);
  const auto [found, is_new] = mistakes.try_emplace({classes, validate});
  if (is_new) found->second = run.mistake();
  if (!found->second.empty()) return state.SkipWithError(found->second.c_str());
  const std::uint64_t before = allocations;
  way == Way::now ? run.now(state) : run.awaited(state);
  run.report(state, allocations - before);
}

void recipients(benchmark::State& state, Class kind, bool validate, Way way) {
  run(state, {kind}, validate, way);
}

/// What a gateway between X and V sees: half of it comes from X, a tenth is for nobody.
void recipients_mix(benchmark::State& state, bool validate, Way way) {
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
      validate,
      way);
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

// A row for each way.
#define POSTERN_BOTH_WAYS(function, name, ...)              \
  BENCHMARK_CAPTURE(function, name, __VA_ARGS__, Way::now); \
  BENCHMARK_CAPTURE(function, name##_awaited, __VA_ARGS__, Way::awaited)

BENCHMARK(directory_of_a_million);
POSTERN_BOTH_WAYS(recipients_mix, strict, true);
POSTERN_BOTH_WAYS(recipients_mix, redirect, false);
POSTERN_BOTH_WAYS(recipients, copy_to_v, Class::copy_to_v, true);
POSTERN_BOTH_WAYS(recipients, unknown_refused, Class::unknown_in_v, true);
POSTERN_BOTH_WAYS(recipients, unknown_redirected, Class::unknown_in_v, false);
POSTERN_BOTH_WAYS(recipients, by_route_to_x, Class::by_route_to_x, true);
POSTERN_BOTH_WAYS(recipients, internal_relay, Class::internal_relay, true);
POSTERN_BOTH_WAYS(recipients, to_the_dlp, Class::to_the_dlp, true);
POSTERN_BOTH_WAYS(recipients, back_from_dlp, Class::back_from_dlp, true);
