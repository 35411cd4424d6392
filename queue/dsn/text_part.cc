// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/text_part.h"

#include "base/date.h"
#include "queue/dsn/status_part.h"

#include <algorithm>
#include <array>

namespace postern::dsn {
namespace {

constexpr std::size_t kIndent = 4;
/// The order of the text, the gravest first.
constexpr std::array kOrder{
    Action::failed, Action::delayed, Action::relayed, Action::expanded, Action::delivered};

bool has(const Facts& facts, Action action) {
  return std::any_of(facts.recipients.begin(),
                     facts.recipients.end(),
                     [action](const ReportedRecipient& r) { return r.action == action; });
}

std::string_view opening(Action action) {
  switch (action) {
    case Action::failed:
      return "Your message could not be delivered to the recipients below. It will not be tried "
             "again.";
    case Action::delayed:
      return "Your message has not been delivered to the recipients below yet. This is a warning "
             "only: you do not need to send it again, delivery goes on being tried.";
    case Action::relayed:
      return "Your message was handed on for the recipients below to a mail server that sends no "
             "delivery notices. There will be no further notice of success.";
    case Action::expanded:
      return "Your message reached the distribution lists below and was handed on to their "
             "members. There will be no further notice of success.";
    case Action::delivered:
      return "Your message was delivered to the recipients below.";
  }
  return {};
}

/// What the sender can do about a failure, by RFC 3463's subject and detail.
std::string_view advice(const ReportedRecipient& r) {
  const smtp::EnhancedStatus s = status_of(r);
  const bool names_the_sender = s.detail == 7 || s.detail == 8;  // of subject 1
  if (s.subject == 1 && !names_the_sender)
    return "Check the address for a slip of the pen and send the message again; if it is right, "
           "ask the recipient in another way for the address in use.";
  if (s == smtp::EnhancedStatus{s.klass, 2, 2} || s == smtp::EnhancedStatus{s.klass, 3, 1})
    return "There is no room for the message. Send it again later, or tell the recipient in "
           "another way.";
  if (s == smtp::EnhancedStatus{s.klass, 2, 3} || s == smtp::EnhancedStatus{s.klass, 3, 4})
    return "The message is too large. Send it without its largest attachments.";
  if (s.subject == 7)
    return "The recipient's side does not take this message, for reasons of its own rules. "
           "Sending it again will not help; forward this report to your administrator.";
  if (s.klass == 4)
    return "The recipient's mail server could not be reached, or put the message off, until the "
           "time for it was over. Send it again later, or tell the recipient in another way.";
  return "Forward this report to your administrator, who finds the details below.";
}

/// docs/mail-flow.md, "What Exchange does to its peers": the gateway cannot mend it, so it names
/// it. Older releases say 5.7.1, newer ones 5.7.54.
bool is_exchange_without_relay_right(const smtp::Reply& reply) {
  constexpr std::string_view kWords = "unable to relay";
  const bool code = reply.code() == 550 && (reply.status() == smtp::EnhancedStatus{5, 7, 1} ||
                                            reply.status() == smtp::EnhancedStatus{5, 7, 54});
  return code && smtp::ascii_lower(reply.text()).find(kWords) != std::string::npos;
}

constexpr std::string_view kExchangeSentence =
    "For administrators: this is what an Exchange receive connector with anonymous rights only "
    "says to a domain that Exchange does not hold. Give the connector that takes this gateway's "
    "mail the right to relay (Ms-Exch-SMTP-Accept-Any-Recipient for ANONYMOUS LOGON), or make one "
    "for this gateway's address that is externally secured.";

void append_reply(const ReportedRecipient& r, Charset charset, std::string& out) {
  if (r.reply.code() == 0) return;
  const std::string who =
      r.host.empty() ? "This mail gateway said:" : "The mail server " + r.host + " said:";
  append_paragraph(who, kIndent, charset, out);
  append_paragraph(r.reply.line(), 2 * kIndent, charset, out);
}

void append_for_administrators(const ReportedRecipient& r, Charset charset, std::string& out) {
  std::string line;
  const auto add = [&line](std::string_view what, const std::string& value) {
    if (value.empty()) return;
    line.append(line.empty() ? "For administrators: " : "; ").append(what).append(value);
  };
  add("", r.reason);
  add("next hop ", r.next_hop);
  add("host ", r.host);
  append_paragraph(line, kIndent, charset, out);
  if (is_exchange_without_relay_right(r.reply))
    append_paragraph(kExchangeSentence, kIndent, charset, out);
}

void append_recipient_text(const ReportedRecipient& r, Charset charset, std::string& out) {
  append_paragraph("<" + r.recipient.address.text() + ">", 0, charset, out);
  append_reply(r, charset, out);
  if (r.action == Action::failed) append_paragraph(advice(r), kIndent, charset, out);
  if (r.action == Action::delayed && r.will_retry_until) {
    append_paragraph(
        "It will be tried until " + rfc5322_date(*r.will_retry_until) + ".", kIndent, charset, out);
  }
  append_for_administrators(r, charset, out);
  out += "\r\n";
}

}  // namespace

std::string_view subject(const Facts& facts) {
  if (has(facts, Action::failed)) return "Undelivered mail: your message could not be delivered";
  if (has(facts, Action::delayed)) return "Delayed mail: your message is still being delivered";
  if (has(facts, Action::relayed) || has(facts, Action::expanded))
    return "Relayed mail: your message was handed on";
  return "Delivered mail: your message was delivered";
}

std::string readable_text(const Facts& facts, Returned returned, Charset charset) {
  std::string out;
  append_paragraph("This is the mail gateway " + facts.hostname + ".", 0, charset, out);
  out += "\r\n";
  for (const Action action : kOrder) {
    if (!has(facts, action)) continue;
    append_paragraph(opening(action), 0, charset, out);
    out += "\r\n";
    for (const ReportedRecipient& r : facts.recipients)
      if (r.action == action) append_recipient_text(r, charset, out);
  }
  std::string last = "Your message";
  if (facts.arrival) last += " came here on " + rfc5322_date(*facts.arrival) + " and";
  last += returned == Returned::message ? " is attached." : " is not attached, its header is.";
  if (!facts.id.empty()) last += " Administrators find it in the log as " + facts.id + ".";
  append_paragraph(last, 0, charset, out);
  return out;
}

}  // namespace postern::dsn
