// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace postern::load {
namespace {

constexpr std::size_t kMostParts = 32;
constexpr std::uint64_t kMostWeight = 1'000'000'000;
constexpr std::chrono::hours kLongest{24 * 30};

/// The number that `text` begins with, which is taken off it.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || next == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(next - text.data()));
  return value;
}

std::optional<unsigned> shift_of(std::string_view suffix) {
  if (suffix.empty()) return 0;
  if (suffix.size() > 1) return std::nullopt;
  switch (suffix.front()) {
    case 'k':
    case 'K':
      return 10;
    case 'M':
      return 20;
    case 'G':
      return 30;
    default:
      return std::nullopt;
  }
}

template <class ReadValue>
Read<Mix> read_mix(std::string_view text, ReadValue read_value, std::string_view example) {
  Mix out;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    Mix::Part read;
    const std::size_t colon = part.find(':');
    if (colon != std::string_view::npos) {
      std::string_view weight = part.substr(colon + 1);
      const std::optional<std::uint64_t> number = take_number(weight);
      if (!number || !weight.empty() || *number == 0 || *number > kMostWeight) {
        return fmt::format("\"{}\" has no weight behind its colon; write {}", part, example);
      }
      read.weight = *number;
      part = part.substr(0, colon);
    }
    const Read<std::uint64_t> value = read_value(part);
    if (!value) return value.error();
    read.value = *value;
    out.parts.push_back(read);
    if (out.parts.size() > kMostParts) return fmt::format("more than {} parts", kMostParts);
    if (comma == text.size()) return out;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::uint64_t Mix::total() const {
  std::uint64_t sum = 0;
  for (const Part& part : parts)
    sum += part.weight;
  return sum;
}

std::uint64_t Mix::largest() const {
  std::uint64_t most = 0;
  for (const Part& part : parts)
    most = std::max(most, part.value);
  return most;
}

std::size_t Mix::pick(std::uint64_t draw) const {
  if (parts.size() <= 1) return 0;
  std::uint64_t left = draw % total();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (left < parts[i].weight) return i;
    left -= parts[i].weight;
  }
  return parts.size() - 1;
}

Read<std::uint64_t> read_size(std::string_view text) {
  std::string_view rest = text;
  const std::optional<std::uint64_t> number = take_number(rest);
  const std::optional<unsigned> shift = shift_of(rest);
  if (!number || !shift || *number == 0 ||
      *number > (std::numeric_limits<std::uint64_t>::max() >> *shift)) {
    return fmt::format("\"{}\" is no size; write octets, such as 500, 10K or 1M", text);
  }
  return *number << *shift;
}

Read<std::chrono::nanoseconds> read_duration(std::string_view text) {
  std::string_view rest = text;
  const std::optional<std::uint64_t> number = take_number(rest);
  std::optional<std::chrono::nanoseconds> unit;
  if (rest == "ms") unit = std::chrono::milliseconds(1);
  if (rest == "s") unit = std::chrono::seconds(1);
  if (rest == "m") unit = std::chrono::minutes(1);
  if (rest == "h") unit = std::chrono::hours(1);
  if (!number || !unit || *number == 0) {
    return fmt::format("\"{}\" is no duration; write 500ms, 30s, 5m or 1h", text);
  }
  if (*number > static_cast<std::uint64_t>(kLongest / *unit)) {
    return fmt::format("\"{}\" is longer than 30 days", text);
  }
  return *unit * static_cast<std::int64_t>(*number);
}

Read<Mix> read_size_mix(std::string_view text) {
  return read_mix(text, read_size, "a size and how often it comes, such as 1K:80,10K:20");
}

Read<Mix> read_count_mix(std::string_view text, std::uint64_t most) {
  const auto read_count = [most](std::string_view part) -> Read<std::uint64_t> {
    std::string_view rest = part;
    const std::optional<std::uint64_t> number = take_number(rest);
    if (number && rest.empty() && *number >= 1 && *number <= most) return *number;
    return fmt::format("\"{}\" is no number between 1 and {}", part, most);
  };
  return read_mix(text, read_count, "a number and how often it comes, such as 1:90,10:10");
}

Read<Template> Template::read(std::string_view text) {
  Template out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '%' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '%') {
      out.pieces_.back().push_back(text[i]);
    } else if (next == '%') {
      out.pieces_.back().push_back('%');
      ++i;
    } else if (next == 'n') {
      out.pieces_.emplace_back();
      ++i;
    } else {
      return fmt::format("\"{}\": write %n for the number, %% for a percent sign", text);
    }
  }
  return out;
}

void Template::append(std::uint64_t number, std::string& out) const {
  char digits[20];
  char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (i > 0) out.append(digits, static_cast<std::size_t>(end - digits));
    out.append(pieces_[i]);
  }
}

std::string Template::with(std::uint64_t number) const {
  std::string out;
  append(number, out);
  return out;
}

}  // namespace postern::load
