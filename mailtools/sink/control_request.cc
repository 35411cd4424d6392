// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/control_request.h"

#include "mailtools/sink/fault_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace postern::sink {
namespace {

constexpr std::string_view kWaited = "messages>=";

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

/// Takes the first word off `rest`.
std::string_view take_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest = trimmed(rest.substr(end));
  return word;
}

std::optional<std::uint64_t> read_whole(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// clear and last: a number, or nothing.
Result<ControlRequest, FaultError> numbered(ControlRequest::Kind kind,
                                            std::uint64_t otherwise,
                                            std::string_view text) {
  ControlRequest out;
  out.kind = kind;
  out.number = otherwise;
  if (text.empty()) return out;
  const std::optional<std::uint64_t> number = read_whole(text);
  if (!number || *number == 0)
    return FaultError{fmt::format("instead of \"{}\" write a number from 1, or nothing", text)};
  out.number = *number;
  return out;
}

Result<ControlRequest, FaultError> read_wait(std::string_view rest) {
  const std::string_view what = take_word(rest);
  const auto number = what.substr(0, kWaited.size()) == kWaited
                          ? read_whole(what.substr(kWaited.size()))
                          : std::nullopt;
  if (!number)
    return FaultError{
        "what is waited for? write messages>=N and a time, such as \"wait "
        "messages>=3 10s\""};
  ControlRequest out;
  out.kind = ControlRequest::Kind::wait;
  out.number = *number;
  out.span = kDefaultWait;
  if (rest.empty()) return out;
  const Result<std::chrono::milliseconds, FaultError> span = read_span(rest);
  if (!span) return span.error();
  out.span = *span;
  return out;
}

}  // namespace

Result<ControlRequest, FaultError> parse_control(std::string_view line) {
  std::string_view rest = trimmed(line);
  const std::string_view word = take_word(rest);
  using Kind = ControlRequest::Kind;
  if (word == "clear") return numbered(Kind::clear, 0, rest);
  if (word == "last") return numbered(Kind::last, 1, rest);
  if (word == "wait") return read_wait(rest);
  constexpr std::pair<std::string_view, Kind> kPlain[] = {
      {"count",  Kind::count },
      {"list",   Kind::list  },
      {"pause",  Kind::pause },
      {"resume", Kind::resume},
  };
  ControlRequest out;
  for (const auto& [name, kind] : kPlain) {
    if (name != word) continue;
    if (!rest.empty()) return FaultError{fmt::format("write {} alone, without \"{}\"", name, rest)};
    out.kind = kind;
    return out;
  }
  constexpr std::string_view kFaults[] = {
      "fail", "delay", "drop", "stall", "tls-fail", "slow-read", "no-ext"};
  if (std::find(std::begin(kFaults), std::end(kFaults), word) == std::end(kFaults))
    return FaultError{
        fmt::format("there is no request \"{}\"; write count, fail, delay, drop, stall, tls-fail, "
                    "slow-read, no-ext, list, clear, pause, resume, wait or last",
                    word)};
  Result<Fault, FaultError> fault = parse_fault(word, rest);
  if (!fault) return fault.error();
  out.kind = Kind::add;
  out.fault = *std::move(fault);
  return out;
}

}  // namespace postern::sink
