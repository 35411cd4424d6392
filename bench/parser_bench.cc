// SPDX-License-Identifier: Apache-2.0
#include "smtp/command.h"
#include "smtp/replies.h"
#include "smtp/server_dialogue.h"

#include <benchmark/benchmark.h>

#include <string>

namespace postern::smtp {
namespace {

void parse(benchmark::State& state, std::string_view line) {
  const ParserOptions options;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parse_command(line, options));
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(parse, noop, "NOOP");
BENCHMARK_CAPTURE(parse, mail, "MAIL FROM:<i.ivanov@company.ru> SIZE=12345 BODY=8BITMIME");
BENCHMARK_CAPTURE(parse, rcpt, "RCPT TO:<p.petrov@tech.company.ru> NOTIFY=NEVER");
BENCHMARK_CAPTURE(parse, bdat, "BDAT 86400 LAST");

/// Commands of one message, parsed, judged and answered.
void dialogue_of_a_message(benchmark::State& state) {
  ServerProfile profile;
  profile.hostname = "gw.company.ru";
  profile.limits.messages = ~0U;
  ServerDialogue dialogue(profile);
  std::string out;
  dialogue.on_line("EHLO client.example", out);
  for (auto _ : state) {
    out.clear();
    const auto mail = dialogue.on_line("MAIL FROM:<i.ivanov@company.ru> SIZE=12345", out);
    dialogue.mail_done(std::get<ServerDialogue::BeginMail>(mail).mail, replies::sender_ok(), out);
    dialogue.on_line("RCPT TO:<p.petrov@tech.company.ru>", out);
    dialogue.recipient_done(replies::recipient_ok(), out);
    dialogue.on_line("DATA", out);
    dialogue.data_done(replies::ok(), out);
    dialogue.message_done(replies::ok(), out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(3 * state.iterations());
}
BENCHMARK(dialogue_of_a_message);

}  // namespace
}  // namespace postern::smtp
