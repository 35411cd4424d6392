// SPDX-License-Identifier: Apache-2.0
// A whole decision of stages, by class of mail, with the example's config and a directory of
// a million mailboxes. The bound is 2 microseconds a decision (items_per_second over 500k).
#include "routing/cutover_list.h"
#include "routing/file_directory.h"
#include "routing/pipeline.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace postern;
using namespace postern::routing;

constexpr int kMailboxes = 1'000'000;

NextHop next_hop(const char* name, Behaviour behaves, const char* host) {
  NextHop hop;
  hop.name = name;
  hop.behaves = behaves;
  hop.hosts = {
      HostSpec{host, 25, false}
  };
  hop.sources = default_sources(hop.hosts);
  return hop;
}

/// The example's topology with its files, made once a process.
class Example {
 public:
  static const Example& get() {
    static const Example instance;
    return instance;
  }
  ~Example() { std::filesystem::remove_all(folder_); }

  const Pipeline& pipeline() const { return *pipeline_; }
  const FileDirectory& directory() const { return *directory_; }

 private:
  Example() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    std::ofstream(folder_ + "/cutover.txt") << "v.vetrov@company.ru\n";
    std::ofstream list(folder_ + "/mailboxes.txt");
    for (int i = 0; i < kMailboxes; ++i)
      list << "user" << i << "@company.ru\n";
    list.close();
    config_.hostname = "gw.company.ru";
    config_.next_hops = {next_hop("exchange", Behaviour::exchange, "10.0.0.5"),
                         next_hop("vk", Behaviour::vk_workspace, "10.0.1.10"),
                         next_hop("dlp", Behaviour::relay, "10.0.2.20")};
    Domain domain;
    domain.name = "company.ru";
    domain.aliases = {"tech.company.ru"};
    domain.mailboxes = "vk";
    domain.deliver_as = DeliverAs::alias;
    domain.cutover_file = folder_ + "/cutover.txt";
    config_.domains = {domain};
    config_.routes = {
        Route{{"company.ru"}, "exchange"}
    };
    config_.allow_without_auth = IpSet({*IpPrefix::parse("10.0.0.5"),
                                        *IpPrefix::parse("10.0.1.0/24"),
                                        *IpPrefix::parse("10.0.2.20"),
                                        *IpPrefix::parse("2001:db8:7::/48")});
    config_.recipients.validate = true;
    config_.recipients.unknown_redirect = "exchange";
    config_.routing.trace_key = "key";
    config_.routing.stages = default_stages();
    directory_ = std::make_unique<FileDirectory>(config_, folder_ + "/mailboxes.txt");
    cutover_ = std::make_unique<CutoverLists>(config_);
    const StageSources sources{&config_, directory_.get(), cutover_.get()};
    Result<Pipeline, std::string> built = Pipeline::build(Registry::builtin(), sources);
    if (!built) std::abort();
    pipeline_.emplace(std::move(*built));
  }

  std::string folder_;
  Config config_;
  std::unique_ptr<FileDirectory> directory_;
  std::unique_ptr<CutoverLists> cutover_;
  std::optional<Pipeline> pipeline_;
};

void decide(benchmark::State& state,
            std::string_view client,
            const char* local,
            const char* domain) {
  const Pipeline& pipeline = Example::get().pipeline();
  Request request;
  request.client = *parse_ip(client);
  request.listener = "mx";
  request.recipient = smtp::Mailbox(local, domain);
  std::size_t stages = 0;
  for (auto _ : state) {
    std::optional<Decision> decision = pipeline.decide_now(request);
    stages = decision->trace.size();
    benchmark::DoNotOptimize(decision);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["stages"] = static_cast<double>(stages);
}

/// Memory of this process, in megabytes.
double resident_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

void BM_DirectoryOfAMillion(benchmark::State& state) {
  const FileDirectory& directory = Example::get().directory();
  const smtp::Mailbox mailbox("User777777+tag", "tech.company.ru");
  for (auto _ : state)
    benchmark::DoNotOptimize(directory.look_up_now(mailbox));
  state.SetItemsProcessed(state.iterations());
  state.counters["rss_MB"] = resident_megabytes();
}

}  // namespace

BENCHMARK_CAPTURE(decide, all_stages, "10.0.1.77", "sales", "corp.com");
BENCHMARK_CAPTURE(decide, stranger_to_d_by_x, "203.0.113.9", "user500000", "company.ru");
BENCHMARK_CAPTURE(decide, copy_from_x_to_v, "10.0.0.5", "user500000", "tech.company.ru");
BENCHMARK_CAPTURE(decide, internal_relay_from_x, "10.0.0.5", "user500000", "company.ru");
BENCHMARK_CAPTURE(decide, stranger_refused, "203.0.113.9", "sales", "corp.com");
BENCHMARK(BM_DirectoryOfAMillion);
