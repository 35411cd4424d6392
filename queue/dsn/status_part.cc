// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/status_part.h"

#include "base/date.h"

namespace postern::dsn {
namespace {

std::string typed_address(const std::string& address, Charset charset) {
  return is_ascii(address) ? "rfc822; " + address : "utf-8; " + utf8_address(address, charset);
}

/// ORCPT as Original-Recipient shows it: xtext is decoded, but for the type "utf-8", which has an
/// encoding of its own (RFC 6533 3).
std::string original_recipient(std::string_view orcpt, Charset charset) {
  const std::size_t semicolon = orcpt.find(';');
  if (semicolon == std::string_view::npos) return {};
  const std::string_view type = orcpt.substr(0, semicolon);
  const std::string_view value = orcpt.substr(semicolon + 1);
  std::string out(type);
  out += "; ";
  if (!smtp::iequals(type, "utf-8")) return out + decode_xtext(value);
  return out + (is_ascii(value) ? std::string(value) : utf8_address(value, charset));
}

void append_recipient(const ReportedRecipient& r, Charset charset, std::string& out) {
  const std::string original = original_recipient(r.recipient.parameters.orcpt, charset);
  if (!original.empty()) append_field("Original-Recipient", original, charset, out);
  append_field("Final-Recipient", typed_address(r.recipient.address.text(), charset), charset, out);
  append_field("Action", name(r.action), charset, out);
  append_field("Status", status_of(r).str(), charset, out);
  if (!r.host.empty()) append_field("Remote-MTA", "dns; " + r.host, charset, out);
  if (r.reply.code() != 0) append_field("Diagnostic-Code", "smtp; " + r.reply.line(), charset, out);
  if (r.last_attempt) {
    append_field("Last-Attempt-Date", rfc5322_date(*r.last_attempt), charset, out);
  }
  if (r.will_retry_until && r.action == Action::delayed) {
    append_field("Will-Retry-Until", rfc5322_date(*r.will_retry_until), charset, out);
  }
}

/// RFC 3464 2.3.4 wants digits of at most three places.
bool is_in_range(smtp::EnhancedStatus s) {
  return s.subject <= 999 && s.detail <= 999;
}

}  // namespace

std::string_view name(Action action) {
  switch (action) {
    case Action::failed:
      return "failed";
    case Action::delayed:
      return "delayed";
    case Action::delivered:
      return "delivered";
    case Action::relayed:
      return "relayed";
    case Action::expanded:
      return "expanded";
  }
  return "failed";
}

smtp::EnhancedStatus status_of(const ReportedRecipient& r) {
  const smtp::EnhancedStatus own = r.reply.status();
  const bool in_range = is_in_range(own);
  switch (r.action) {
    case Action::failed:
      // A transient status stays: it says why the message could not be delivered in its lifetime.
      if (in_range && (own.klass == 5 || own.klass == 4)) return own;
      if (r.reply.is_permanent()) return {5, 0, 0};
      return {4, 4, 7};  // RFC 3463 3.5: delivery time expired
    case Action::delayed:
      if (in_range && own.klass == 4) return own;
      return r.reply.code() == 0 ? smtp::EnhancedStatus{4, 4, 1} : smtp::EnhancedStatus{4, 0, 0};
    case Action::delivered:
    case Action::relayed:
    case Action::expanded:
      break;
  }
  return in_range && own.klass == 2 ? own : smtp::EnhancedStatus{2, 0, 0};
}

std::string delivery_status(const Facts& facts, Charset charset) {
  std::string out;
  append_field("Reporting-MTA", "dns; " + facts.hostname, charset, out);
  const std::string& envid = facts.sender.parameters.envid;
  if (!envid.empty()) append_field("Original-Envelope-Id", decode_xtext(envid), charset, out);
  if (facts.arrival) append_field("Arrival-Date", rfc5322_date(*facts.arrival), charset, out);
  for (const ReportedRecipient& r : facts.recipients) {
    out += "\r\n";
    append_recipient(r, charset, out);
  }
  return out;
}

}  // namespace postern::dsn
