// SPDX-License-Identifier: Apache-2.0
#include "routing/message_facts.h"

#include "smtp/address.h"

namespace postern::routing {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// The octets of one field with its folded lines, without the last line end.
std::string_view field_at(std::string_view header) {
  std::size_t end = header.find('\n');
  while (end != std::string_view::npos && end + 1 < header.size() && is_blank(header[end + 1])) {
    end = header.find('\n', end + 1);
  }
  return header.substr(0, end);
}

}  // namespace

MessageFacts scan_header(std::string_view header) {
  MessageFacts facts;
  while (!header.empty()) {
    const std::string_view field = field_at(header);
    if (field.empty() || field == "\r") break;
    header.remove_prefix(std::min(field.size() + 1, header.size()));
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view name = field.substr(0, colon);
    // RFC 5322 4.5: old mail may have blanks before the colon.
    while (!name.empty() && is_blank(name.back()))
      name.remove_suffix(1);
    if (smtp::iequals(name, "received")) {
      ++facts.received;
    } else if (smtp::iequals(name, "postern-trace") &&
               facts.trace_fields.size() < kMaxTraceFields) {
      facts.trace_fields.push_back(field.substr(colon + 1));
    }
  }
  return facts;
}

}  // namespace postern::routing
