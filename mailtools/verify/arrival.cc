// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/arrival.h"

#include "base/printable.h"
#include "smtp/address.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace postern::verify {
namespace {

constexpr std::size_t kMostFields = 500;
constexpr std::size_t kMostValue = 16384;
constexpr std::size_t kMostHops = 60;
constexpr std::size_t kMostHopName = 80;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

/// Takes a line off `rest`, without its line end.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// The word behind " by " or at the beginning behind "from ".
std::string word_behind(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return {};
  std::string_view rest = trimmed(text.substr(at + mark.size()));
  rest = rest.substr(0, rest.find_first_of(" \t;("));
  return printable(rest, kMostHopName);
}

std::string value_of(const std::vector<HeaderField>& fields, std::string_view name) {
  for (const HeaderField& field : fields) {
    if (smtp::iequals(field.name, name)) return field.value;
  }
  return {};
}

std::vector<std::string> path_of(const std::vector<HeaderField>& fields) {
  std::vector<std::string> path;
  for (const HeaderField& field : fields) {
    if (!smtp::iequals(field.name, "Received") || path.size() == kMostHops) continue;
    const std::string by = word_behind(" " + field.value, " by ");
    if (!by.empty() && (path.empty() || path.back() != by)) path.push_back(by);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

/// "from HELO (name [192.0.2.1])" of the first field that the gateway wrote; HELO may be an address
/// in brackets itself.
std::string client_at(const std::vector<HeaderField>& fields, std::string_view gateway) {
  std::string out;
  for (const HeaderField& field : fields) {
    if (!smtp::iequals(field.name, "Received") || word_behind(field.value, " by ") != gateway)
      continue;
    const std::string_view value =
        std::string_view(field.value).substr(0, field.value.find(" by "));
    const std::size_t open = value.rfind('[');
    if (open == std::string_view::npos) continue;
    const std::size_t close = value.find(']', open);
    if (close == std::string_view::npos) continue;
    std::string_view address = value.substr(open + 1, close - open - 1);
    if (address.starts_with("IPv6:")) address.remove_prefix(5);
    out = printable(address, kMostHopName);  // the last in the header is the first in time
  }
  return out;
}

/// "rfc822; ivan@company.ru" without its type.
std::string typed_value(std::string_view value) {
  const std::size_t at = value.find(';');
  return printable(trimmed(at == std::string_view::npos ? value : value.substr(at + 1)));
}

/// The fields of the delivery-status part: wherever they stand, one recipient's are enough here.
Bounce bounce_of(std::string_view message) {
  Bounce bounce;
  for (std::string_view rest = message; !rest.empty();) {
    const std::string_view line = next_line(rest);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    std::string value(trimmed(line.substr(colon + 1)));
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t') &&
           value.size() < kMostValue)
      value += ' ' + std::string(trimmed(next_line(rest)));
    if (bounce.recipient.empty() && smtp::iequals(name, "Final-Recipient"))
      bounce.recipient = typed_value(value);
    if (bounce.status.empty() && smtp::iequals(name, "Status"))
      bounce.status = printable(value, 16);
    if (bounce.diagnostic.empty() && smtp::iequals(name, "Diagnostic-Code"))
      bounce.diagnostic = typed_value(value);
  }
  return bounce;
}

/// Takes a quoted string or an atom off `rest`.
std::string take_word(std::string_view& rest) {
  std::string out;
  if (!rest.starts_with('"')) {
    out = rest.substr(0, rest.find(' '));
    rest.remove_prefix(out.size());
    return out;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
    out += rest[at];
  }
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return out;
}

/// Letters, digits and dashes from `at` on.
std::string token_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kMostToken = 80;
  std::size_t end = at;
  while (end < text.size() && end - at < kMostToken) {
    const char c = text[end];
    const bool inside =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    if (!inside) break;
    ++end;
  }
  return std::string(text.substr(at, end - at));
}

}  // namespace

std::vector<std::uint32_t> parse_search(std::string_view answer, std::size_t most) {
  std::vector<std::uint32_t> out;
  constexpr std::string_view kMark = "* SEARCH";
  while (!answer.empty()) {
    std::string_view line = next_line(answer);
    if (line.size() < kMark.size() || !smtp::iequals(line.substr(0, kMark.size()), kMark)) continue;
    line.remove_prefix(kMark.size());
    while (!line.empty() && out.size() < most) {
      line = trimmed(line);
      const std::string_view word = line.substr(0, line.find(' '));
      line.remove_prefix(word.size());
      std::uint32_t uid = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), uid);
      if (error == std::errc() && end == word.data() + word.size() && uid != 0) out.push_back(uid);
    }
  }
  return out;
}

std::vector<std::string> parse_list(std::string_view answer, std::size_t most) {
  std::vector<std::string> out;
  constexpr std::string_view kMark = "* LIST (";
  while (!answer.empty() && out.size() < most) {
    std::string_view line = next_line(answer);
    if (line.size() < kMark.size() || !smtp::iequals(line.substr(0, kMark.size()), kMark)) continue;
    const std::size_t close = line.find(')');
    if (close == std::string_view::npos) continue;
    const std::string_view flags = line.substr(0, close);
    if (flags.find("\\Noselect") != std::string_view::npos ||
        flags.find("\\NonExistent") != std::string_view::npos) {
      continue;
    }
    line = trimmed(line.substr(close + 1));
    take_word(line);  // the hierarchy's delimiter
    line = trimmed(line);
    if (line.starts_with('{')) continue;
    const std::string name = take_word(line);
    if (!name.empty()) out.push_back(name);
  }
  return out;
}

std::vector<HeaderField> parse_header(std::string_view message) {
  std::vector<HeaderField> fields;
  while (!message.empty() && fields.size() < kMostFields) {
    const std::string_view line = next_line(message);
    if (line.empty()) break;
    if ((line.front() == ' ' || line.front() == '\t') && !fields.empty()) {
      std::string& value = fields.back().value;
      if (value.size() < kMostValue)
        value += ' ' + std::string(trimmed(line.substr(0, kMostValue)));
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) continue;
    fields.push_back({std::string(trimmed(line.substr(0, colon))),
                      std::string(trimmed(line.substr(colon + 1, kMostValue)))});
  }
  return fields;
}

std::optional<Arrival> examine(std::string_view message,
                               std::string_view run,
                               std::string_view gateway) {
  const std::vector<HeaderField> fields = parse_header(message);
  const std::string mark = value_of(fields, kMarkField);
  if (!run.empty() && mark.starts_with(run)) {
    return Arrival{token_at(mark, 0), std::nullopt, path_of(fields), client_at(fields, gateway)};
  }
  // Servers that drop fields they do not know keep the Message-ID.
  const std::string id = value_of(fields, "Message-ID");
  if (!run.empty() && id.starts_with('<') && id.substr(1).starts_with(run)) {
    return Arrival{token_at(id, 1), std::nullopt, path_of(fields), client_at(fields, gateway)};
  }
  const std::size_t at = run.empty() ? std::string_view::npos : message.find(run);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string type = value_of(fields, "Content-Type");
  constexpr std::string_view kReport = "multipart/report";
  if (!smtp::iequals(std::string_view(type).substr(0, kReport.size()), kReport))
    return std::nullopt;
  Bounce bounce = bounce_of(message);
  // A receipt is a report too: "2.0.0" is no failure, and 4.x.x a warning that it takes long.
  if (!bounce.status.starts_with('5')) return std::nullopt;
  return Arrival{token_at(message, at), std::move(bounce), path_of(fields), {}};
}

std::string arrows(const std::vector<std::string>& path) {
  std::string out;
  for (const std::string& hop : path) {
    if (!out.empty()) out += " -> ";
    out += hop;
  }
  return out;
}

}  // namespace postern::verify
