// SPDX-License-Identifier: Apache-2.0
#include "smtp/data_decoder.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

namespace postern::smtp {
namespace {

std::string body(std::size_t octets, std::string_view line) {
  std::string out;
  while (out.size() < octets) {
    out += line;
    out += "\r\n";
  }
  return out;
}

/// A message of `octets`, decoded in place; `copy_alone` is what refilling the buffer costs.
void decode(benchmark::State& state, std::size_t octets, std::string_view line) {
  const std::string wire = body(octets, line);
  std::vector<char> buffer(wire.size());
  for (auto _ : state) {
    std::memcpy(buffer.data(), wire.data(), wire.size());
    DataDecoder decoder;
    benchmark::DoNotOptimize(decoder.decode(buffer.data(), buffer.size()).produced);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(wire.size()) * state.iterations());
  state.SetItemsProcessed(state.iterations());
}
constexpr std::size_t kLetter = 10UL << 10;  // a usual letter
constexpr std::size_t kBlock = 64UL << 10;   // what a session reads at once
constexpr std::string_view kText =
    "a usual line of a letter, of the usual length of about seventy octets, in it";
constexpr std::string_view kDots =
    "..a line that begins with a dot, which happens in listings and in nothing else";
BENCHMARK_CAPTURE(decode, letter, kLetter, kText);
BENCHMARK_CAPTURE(decode, letter_with_dots, kLetter, kDots);
BENCHMARK_CAPTURE(decode, block, kBlock, kText);
BENCHMARK_CAPTURE(decode, block_with_dots, kBlock, kDots);
BENCHMARK_CAPTURE(decode, short_lines, kBlock, "short");

void copy_alone(benchmark::State& state) {
  const std::string wire = body(kBlock, kText);
  std::vector<char> buffer(wire.size());
  for (auto _ : state) {
    std::memcpy(buffer.data(), wire.data(), wire.size());
    benchmark::DoNotOptimize(buffer.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(wire.size()) * state.iterations());
}
BENCHMARK(copy_alone);

void scan(benchmark::State& state) {
  const std::string wire = body(kBlock, kText);
  for (auto _ : state) {
    ContentScanner scanner;
    scanner.scan(wire);
    benchmark::DoNotOptimize(scanner.violations().any());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(wire.size()) * state.iterations());
}
BENCHMARK(scan);

}  // namespace
}  // namespace postern::smtp
