// SPDX-License-Identifier: Apache-2.0
#include "smtp/client_capabilities.h"

#include "smtp/address.h"

#include <charconv>

namespace postern::smtp {
namespace {

/// The front of `text` up to the next space (or `also`), taken off together with it.
std::string_view take_word(std::string_view& text, char also = ' ') {
  const std::size_t start = text.find_first_not_of(' ');
  text.remove_prefix(start == std::string_view::npos ? text.size() : start);
  std::size_t end = 0;
  while (end < text.size() && text[end] != ' ' && text[end] != also)
    ++end;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == text.size() ? end : end + 1);
  return word;
}

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

struct Flag {
  std::string_view keyword;
  bool Capabilities::*member;
};

constexpr Flag kFlags[] = {
    {"PIPELINING",          &Capabilities::pipelining           },
    {"8BITMIME",            &Capabilities::eight_bit_mime       },
    {"SMTPUTF8",            &Capabilities::smtputf8             },
    {"CHUNKING",            &Capabilities::chunking             },
    {"BINARYMIME",          &Capabilities::binarymime           },
    {"DSN",                 &Capabilities::dsn                  },
    {"STARTTLS",            &Capabilities::starttls             },
    {"REQUIRETLS",          &Capabilities::requiretls           },
    {"ENHANCEDSTATUSCODES", &Capabilities::enhanced_status_codes},
    {"AUTH",                &Capabilities::auth                 },
    {"SIZE",                &Capabilities::size                 },
};

/// A limit of 0 is none that could be kept (RFC 9422 wants at least 1): passed over.
void read_limits(std::string_view arguments, Capabilities& out) {
  while (!arguments.empty()) {
    std::string_view pair = take_word(arguments);
    const std::string_view name = take_word(pair, '=');
    const std::optional<std::uint64_t> value = number(pair);
    if (!value || *value == 0) continue;
    if (iequals(name, "RCPTMAX")) out.rcpt_max = value;
    if (iequals(name, "MAILMAX")) out.mail_max = value;
  }
}

void read_line(std::string_view line, Capabilities& out) {
  // "AUTH=LOGIN", "SIZE=1000": an old way of writing it that still exists.
  const std::string_view keyword = take_word(line, '=');
  for (const Flag& flag : kFlags) {
    if (iequals(keyword, flag.keyword)) out.*flag.member = true;
  }
  // A server may have both lines, "AUTH PLAIN" and "AUTH=PLAIN", which say the same.
  if (iequals(keyword, "AUTH") && out.mechanisms.empty()) out.mechanisms = std::string(line);
  if (iequals(keyword, "SIZE")) {
    const std::optional<std::uint64_t> size = number(take_word(line));
    if (size && *size > 0) out.max_size = size;
  }
  if (iequals(keyword, "LIMITS")) read_limits(line, out);
}

}  // namespace

Capabilities parse_capabilities(std::string_view ehlo_text) {
  Capabilities out;
  std::size_t end = ehlo_text.find('\n');
  while (end != std::string_view::npos) {
    ehlo_text.remove_prefix(end + 1);
    end = ehlo_text.find('\n');
    read_line(ehlo_text.substr(0, end), out);
  }
  return out;
}

}  // namespace postern::smtp
