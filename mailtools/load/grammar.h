// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::load {

/// What an option means, or what is wrong with it and what to write instead.
template <class T>
using Read = Result<T, std::string>;

/// Values and how often each comes: "1K:80,10K:20". Weights are relative; a single value has one.
struct Mix {
  struct Part {
    std::uint64_t value = 0;
    std::uint64_t weight = 1;
    friend bool operator==(const Part&, const Part&) = default;
  };
  std::vector<Part> parts;

  std::uint64_t total() const;
  std::uint64_t largest() const;
  /// Which part: `draw` is any number, taken modulo total(); equal draws give equal parts.
  std::size_t pick(std::uint64_t draw) const;
};

// The pieces of the command line of `postern load`. Pure; any thread.

/// "500", "10K", "1M", "1G": octets, in powers of 1024; at least 1.
Read<std::uint64_t> read_size(std::string_view text);
/// "500ms", "30s", "5m", "1h"; more than 0, at most 30 days.
Read<std::chrono::nanoseconds> read_duration(std::string_view text);
/// Sizes with weights; at most 32 parts.
Read<Mix> read_size_mix(std::string_view text);
/// Counts with weights, each between 1 and `most`.
Read<Mix> read_count_mix(std::string_view text, std::uint64_t most);

/// A text with `%n` in it: a number takes its place. "%%" is a percent sign.
class Template {
 public:
  Template() = default;
  static Read<Template> read(std::string_view text);

  bool has_number() const { return pieces_.size() > 1; }
  void append(std::uint64_t number, std::string& out) const;
  std::string with(std::uint64_t number) const;

 private:
  std::vector<std::string> pieces_{std::string()};  ///< between them stands the number
};

}  // namespace postern::load
