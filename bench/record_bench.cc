// SPDX-License-Identifier: Apache-2.0
// What recording costs a letter on its session's thread (disk and writer's thread are the
// recorder's own), and how many recorded recipients are decided again a second.
#include "gateway/config.h"
#include "gateway/envelope_recorder.h"
#include "gateway/recording.h"
#include "gateway/replay.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace {

using namespace postern;
using namespace postern::gateway;

constexpr const char* kConfig = R"(
hostname = "gw.company.ru"
[[listener]]
name = "mx"
bind = "127.0.0.1:25"
[[next_hop]]
name = "exchange"
hosts = ["10.0.0.5"]
[[next_hop]]
name = "vk"
hosts = ["10.0.1.10"]
[[domain]]
name = "company.ru"
aliases = ["tech.company.ru"]
mailboxes = "vk"
[[route]]
domains = ["company.ru"]
via = "exchange"
)";

std::shared_ptr<const Snapshot> make_snapshot() {
  LoadResult loaded = parse_config(kConfig, "bench.toml", Environment{});
  if (!loaded.config) std::abort();
  return *Snapshot::build(std::move(*loaded.config));
}

routing::Decision decide(const Snapshot& snapshot, const smtp::Mailbox& recipient) {
  routing::Request request;
  request.client = *parse_ip("203.0.113.9");
  request.listener = "mx";
  request.recipient = recipient;
  return *snapshot.pipeline().decide_now(request);
}

void BM_RecordALetter(benchmark::State& state, bool hash) {
  const auto snapshot = make_snapshot();
  Config config = snapshot->config();
  config.record.hash = hash;
  const smtp::Mailbox recipient("ivan.petrov", "company.ru");
  const routing::Decision decision = decide(*snapshot, recipient);
  std::string folder = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  EnvelopeRecorder::Options options;
  options.folder = folder;
  options.envelopes = 100'000;
  auto recorder = *EnvelopeRecorder::open(std::move(options));
  ListenerRuntime listener;
  listener.name = "mx";
  smtp::SessionFacts session;
  session.client = *parse_ip("203.0.113.9");
  smtp::Sender sender;
  sender.path = smtp::ReversePath(smtp::Mailbox("olga.ivanova", "corp.com"));
  for (auto _ : state) {
    Recording recording(recorder.get(), config, listener, session, sender);
    recording.add(recipient, decision);
  }
  state.SetItemsProcessed(state.iterations());
  recorder->flush();
  state.counters["dropped"] = static_cast<double>(recorder->stats().dropped);
  recorder.reset();
  std::filesystem::remove_all(folder);
}

void BM_Replay(benchmark::State& state, bool against) {
  const auto snapshot = make_snapshot();
  RecordedEnvelope envelope;
  envelope.client = *parse_ip("203.0.113.9");
  envelope.listener = "mx";
  envelope.sender = smtp::Mailbox("olga.ivanova", "corp.com");
  RecordedRecipient one;
  one.address = smtp::Mailbox("ivan.petrov", "company.ru");
  one.way = way_of(decide(*snapshot, one.address));
  envelope.recipients.push_back(one);
  for (auto _ : state) {
    Replay replay(*snapshot, against ? snapshot.get() : nullptr);
    for (int i = 0; i < 10'000; ++i)
      replay.add(envelope);
    benchmark::DoNotOptimize(replay.finish());
  }
  state.SetItemsProcessed(state.iterations() * 10'000);
}

}  // namespace

BENCHMARK_CAPTURE(BM_RecordALetter, plain, false);
BENCHMARK_CAPTURE(BM_RecordALetter, hashed, true);
BENCHMARK_CAPTURE(BM_Replay, with_what_was_decided, false);
BENCHMARK_CAPTURE(BM_Replay, with_another_config, true);
