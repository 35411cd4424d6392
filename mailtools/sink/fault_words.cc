// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/fault_words.h"

#include "smtp/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace postern::sink {
namespace {

constexpr std::pair<std::string_view, Stage> kStages[] = {
    {"connect",      Stage::connect     },
    {"helo",         Stage::helo        },
    {"starttls",     Stage::starttls    },
    {"auth",         Stage::auth        },
    {"mail",         Stage::mail        },
    {"rcpt",         Stage::rcpt        },
    {"data-command", Stage::data_command},
    {"bdat",         Stage::bdat        },
    {"data",         Stage::data        },
    {"rset",         Stage::rset        },
    {"quit",         Stage::quit        },
    {"any",          Stage::any         },
};

constexpr std::string_view kExtensions[] = {"PIPELINING",
                                            "SIZE",
                                            "8BITMIME",
                                            "SMTPUTF8",
                                            "ENHANCEDSTATUSCODES",
                                            "CHUNKING",
                                            "BINARYMIME",
                                            "DSN",
                                            "STARTTLS",
                                            "REQUIRETLS",
                                            "AUTH",
                                            "LIMITS"};

/// A longer wait is a stall.
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(1);

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<smtp::EnhancedStatus> read_status(std::string_view text, int code) {
  const std::size_t first = text.find('.');
  const std::size_t second = text.find('.', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  const auto klass = read_number<std::uint16_t>(text.substr(0, first));
  const auto subject = read_number<std::uint16_t>(text.substr(first + 1, second - first - 1));
  const auto detail = read_number<std::uint16_t>(text.substr(second + 1));
  if (!klass || !subject || !detail || *klass != code / 100 || *subject > 999 || *detail > 999)
    return std::nullopt;
  return smtp::EnhancedStatus{*klass, *subject, *detail};
}

Result<std::uint64_t, FaultError> read_count(std::string_view name, std::string_view value) {
  const auto number = read_number<std::uint64_t>(value);
  if (number && *number > 0) return *number;
  return FaultError{
      fmt::format("instead of \"{}={}\" write a number from 1, such as {}=3", name, value, name)};
}

Result<void, FaultError> read_percent(std::string_view word, Fault& out) {
  const auto value = read_number<double>(word.substr(0, word.size() - 1));
  // Not a number is in no range either.
  if (!value || !(*value > 0 && *value <= 100))
    return FaultError{
        fmt::format("instead of \"{}\" write a percentage above 0, such as 5% or 0.5%", word)};
  out.percent = *value;
  return {};
}

Result<void, FaultError> read_client(std::string_view value, Fault& out) {
  if (value.size() > 1 && value.front() == '[' && value.back() == ']')
    value = value.substr(1, value.size() - 2);
  out.client = IpPrefix::parse(value);
  if (out.client) return {};
  return FaultError{
      fmt::format("instead of \"client={}\" write an address or a block without host bits, such as "
                  "client=10.0.1.0/24 or client=[2001:db8::/32]",
                  value)};
}

Result<void, FaultError> read_text(std::string_view value, Fault& out) {
  if (out.kind != Fault::Kind::fail)
    return FaultError{"text= is the text of a reply: write it with fail alone"};
  out.reply = smtp::Reply(out.reply.code(), out.reply.status(), std::string(value));
  return {};
}

Result<void, FaultError> read_pattern(std::string_view name,
                                      std::string_view value,
                                      std::string& out) {
  if (value.empty())
    return FaultError{fmt::format(
        "{}= wants an address or a pattern, such as {}=bob@*; the null sender is from=<>",
        name,
        name)};
  out = std::string(value);
  return {};
}

Result<void, FaultError> read_named(std::string_view name, std::string_view value, Fault& out) {
  if (name == "from") return read_pattern(name, value, out.from);
  if (name == "to") return read_pattern(name, value, out.to);
  if (name == "client") return read_client(value, out);
  if (name == "text") return read_text(value, out);
  if (name == "nth" || name == "first") {
    const Result<std::uint64_t, FaultError> number = read_count(name, value);
    if (!number) return number.error();
    (name == "nth" ? out.nth : out.first) = *number;
    return {};
  }
  return FaultError{fmt::format(
      "there is no condition \"{}=\"; write N%, from=, to=, client=, nth=, first= or text=", name)};
}

template <class Range>
std::string joined(const Range& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::size_t Words::end_of_first() const {
  if (rest_.substr(0, 5) == "text=") return rest_.size();
  bool bracket = false;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    if (rest_[i] == '[') bracket = true;
    if (rest_[i] == ']') bracket = false;
    if (rest_[i] == ':' && !bracket) return i;
  }
  return rest_.size();
}

std::string_view Words::next() {
  const std::size_t end = end_of_first();
  const std::string_view word = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return word;
}

std::string stage_list() {
  std::vector<std::string_view> names;
  for (const auto& [name, stage] : kStages)
    if (stage != Stage::any) names.push_back(name);
  return joined(names);
}

std::string extension_list() {
  return joined(kExtensions);
}

Result<Stage, FaultError> read_stage(std::string_view word) {
  if (word == "ehlo") word = "helo";
  if (word == "end") word = "data";
  for (const auto& [name, stage] : kStages)
    if (name == word) return stage;
  return FaultError{fmt::format("there is no stage \"{}\"; write one of {}", word, stage_list())};
}

Result<void, FaultError> read_code(std::string_view word, Fault& out) {
  const std::size_t space = std::min(word.find(' '), word.size());
  const auto code = read_number<int>(word.substr(0, space));
  if (!code || *code < 400 || *code > 599)
    return FaultError{fmt::format(
        "\"{}\" refuses nothing; write a code from 400 to 599, such as 450 or \"450 4.2.1\"",
        word)};
  // RFC 2034 3: none in the greeting and the reply to EHLO.
  smtp::EnhancedStatus status;
  if (out.stage > Stage::helo) status.klass = static_cast<std::uint16_t>(*code / 100);
  if (space < word.size()) {
    const auto own = read_status(word.substr(space + 1), *code);
    if (!own)
      return FaultError{
          fmt::format("instead of \"{}\" write a status of the code's class, such as \"{} {}.2.1\"",
                      word,
                      *code,
                      *code / 100)};
    status = *own;
  }
  using namespace std::string_view_literals;
  out.reply = smtp::Reply(*code, status, Text::literal("refused, as the sink was told"sv));
  return {};
}

Result<std::chrono::milliseconds, FaultError> read_span(std::string_view word) {
  const std::size_t unit = std::min(word.find_first_not_of("0123456789"), word.size());
  const auto number = read_number<std::int64_t>(word.substr(0, unit));
  const std::string_view name = word.substr(unit);
  const std::int64_t factor = name == "ms" ? 1 : name == "s" ? 1000 : name == "m" ? 60000 : 0;
  if (!number || factor == 0 || *number > kLongest.count() / factor)
    return FaultError{fmt::format(
        "instead of \"{}\" write a time of an hour at most, such as 200ms, 3s or 2m", word)};
  return std::chrono::milliseconds(*number * factor);
}

Result<std::uint64_t, FaultError> read_rate(std::string_view word) {
  std::string_view text = word;
  if (text.size() > 2 && text.substr(text.size() - 2) == "/s") text.remove_suffix(2);
  std::uint64_t factor = 1;
  if (!text.empty() && (text.back() == 'K' || text.back() == 'k')) factor = 1024;
  if (!text.empty() && text.back() == 'M') factor = 1024UL * 1024;
  if (factor > 1) text.remove_suffix(1);
  const auto number = read_number<std::uint64_t>(text);
  if (!number || *number == 0 || *number > (std::uint64_t{1} << 30))
    return FaultError{fmt::format(
        "how fast are letters read? instead of \"{}\" write octets a second, such as 1000 or 64K",
        word)};
  return *number * factor;
}

Result<std::string_view, FaultError> read_extension(std::string_view word) {
  for (const std::string_view known : kExtensions)
    if (smtp::iequals(known, word)) return known;
  return FaultError{
      fmt::format("\"{}\" is not offered anyway; write some of {}", word, extension_list())};
}

bool is_condition(std::string_view word) {
  return word.find('=') != std::string_view::npos || word.find('%') != std::string_view::npos;
}

Result<void, FaultError> read_condition(Words& words, Fault& out) {
  const std::string_view word = words.next();
  if (word == "reset" && out.kind == Fault::Kind::drop) {
    out.reset = true;
    return {};
  }
  if (!word.empty() && word.back() == '%') return read_percent(word, out);
  const std::size_t equals = word.find('=');
  if (equals != std::string_view::npos)
    return read_named(word.substr(0, equals), word.substr(equals + 1), out);
  return FaultError{fmt::format(
      "\"{}\" is no condition; write N%, from=, to=, client=, nth=, first= or text=", word)};
}

}  // namespace postern::sink
