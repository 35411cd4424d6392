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

/// A block of the size that sessions read, decoded in place; `copy` is what refilling the buffer
/// costs.
void decode(benchmark::State& state, std::string_view line) {
  const std::string wire = body(65536, line);
  std::vector<char> buffer(wire.size());
  for (auto _ : state) {
    std::memcpy(buffer.data(), wire.data(), wire.size());
    DataDecoder decoder;
    benchmark::DoNotOptimize(decoder.decode(buffer.data(), buffer.size()).produced);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(wire.size()) * state.iterations());
}
BENCHMARK_CAPTURE(decode,
                  text,
                  "a usual line of a letter, of the usual length of about seventy octets, in it");
BENCHMARK_CAPTURE(decode, short_lines, "short");
BENCHMARK_CAPTURE(decode,
                  dot_on_every_line,
                  ".a line that begins with a dot, which happens in listings and in nothing else");

void copy_alone(benchmark::State& state) {
  const std::string wire =
      body(65536, "a usual line of a letter, of the usual length of about seventy octets, in it");
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
  const std::string wire =
      body(65536, "a usual line of a letter, of the usual length of about seventy octets, in it");
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
