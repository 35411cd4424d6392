// SPDX-License-Identifier: Apache-2.0
#include "report_reader.h"

#include <algorithm>
#include <cctype>

namespace postern::dsn {
namespace {

constexpr std::string_view kCrlf = "\r\n";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return out;
}

/// Reads fields up to the empty line, which it takes too.
Fields read_fields(std::string_view& octets) {
  Fields out;
  while (!octets.empty()) {
    const std::size_t end = octets.find(kCrlf);
    const std::string_view line = octets.substr(0, end);
    octets.remove_prefix(end == std::string_view::npos ? octets.size() : end + 2);
    if (line.empty()) break;
    if ((line.front() == ' ' || line.front() == '\t') && !out.empty()) {
      out.back().second += line;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      out.emplace_back("(no field)", line);
      continue;
    }
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ')
      value.remove_prefix(1);
    out.emplace_back(lower(line.substr(0, colon)), value);
  }
  return out;
}

std::string problem_of(std::string_view octets) {
  if (octets.size() < 2 || octets.substr(octets.size() - 2) != kCrlf) return "no CRLF at the end";
  while (!octets.empty()) {
    const std::size_t end = octets.find(kCrlf);
    if (end == std::string_view::npos) return "a line without CRLF";
    const std::string_view line = octets.substr(0, end);
    if (line.size() > 998) return "a line of " + std::to_string(line.size()) + " octets";
    for (const char c : line)
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
        return "a control octet in: " + std::string(line);
    octets.remove_prefix(end + 2);
  }
  return {};
}

}  // namespace

std::string value(const Fields& fields, std::string_view name) {
  std::string out;
  bool found = false;
  for (const auto& [key, text] : fields) {
    if (key != name) continue;
    if (found) out += '|';
    out += text;
    found = true;
  }
  return found ? out : "(none)";
}

ReadReport read_report(std::string_view octets) {
  ReadReport out;
  out.problem = problem_of(octets);
  out.fields = read_fields(octets);
  const std::string type = value(out.fields, "content-type");
  const std::size_t at = type.find("boundary=\"");
  if (at == std::string::npos) return out;
  const std::size_t begin = at + 10;
  const std::string delimiter = "\r\n--" + type.substr(begin, type.find('"', begin) - begin);
  // RFC 2046 5.1.1: the CRLF before a delimiter is the delimiter's.
  std::string body = "\r\n" + std::string(octets);
  std::size_t from = body.find(delimiter);
  while (from != std::string::npos) {
    from += delimiter.size();
    if (body.compare(from, 2, "--") == 0) return out;
    const std::size_t to = body.find(delimiter, from);
    std::string_view part = std::string_view(body).substr(from + 2, to - from - 2);
    ReadPart read;
    read.fields = read_fields(part);
    read.body = part;
    out.parts.push_back(std::move(read));
    from = to;
  }
  out.problem += "no closing delimiter";
  return out;
}

std::vector<Fields> read_groups(std::string_view body) {
  std::vector<Fields> out;
  while (!body.empty())
    out.push_back(read_fields(body));
  return out;
}

}  // namespace postern::dsn
