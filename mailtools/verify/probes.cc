// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/probes.h"

#include "base/printable.h"
#include "mailtools/verify/replies.h"
#include "mailtools/verify/smtp_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace postern::verify {
namespace {

/// Probes of a next hop with a very large limit stop here.
constexpr unsigned kMostConnections = 100;
constexpr std::chrono::seconds kConnectionsLimit{60};

const routing::NextHop& hop_of(const Plan& plan, Side side) {
  return side == Side::old_server ? *plan.old_hop : *plan.new_hop;
}

SessionTerms terms_for(const Plan& plan, Side side) {
  SessionTerms terms;
  terms.server = side == Side::old_server ? plan.old_smtp : plan.new_smtp;
  terms.local = plan.from.gateway;
  terms.helo = plan.helo;
  return terms;
}

std::string suffix(std::string_view name, Side side) {
  return fmt::format("probe-{}-{}", name, side == Side::old_server ? "x" : "v");
}

std::string_view full_name(Side side) {
  return side == Side::old_server ? "X" : "V";
}

Row row_of(std::string name, std::string title, const SessionTerms& terms) {
  Row row;
  row.name = std::move(name);
  row.title = std::move(title);
  row.sent = terms.local ? fmt::format("{} -> {}", terms.local->to_string(), terms.server.str())
                         : terms.server.str();
  return row;
}

/// The session did not come as far as the question.
void fail_early(Row& row, Side side, const Handed& outcome, Question question) {
  if (outcome.refusal) {
    const std::string line = printable(outcome.refusal->line());
    row.found = line;
    return fail(row, trouble_of(question, side, *outcome.refusal), line);
  }
  row.found = "no session";
  fail(row, side == Side::old_server ? "x-unreachable" : "v-unreachable", outcome.failure);
}

/// As whom the gateway passes mail on: a user of the domain.
std::string sender_of(const Plan& plan) {
  for (const Role role : {Role::sender, Role::migrated, Role::cut_over, Role::unmigrated}) {
    if (!plan.address(role).empty()) return plan.address(role);
  }
  return "postmaster@" + plan.domain;
}

std::string size_text(std::uint64_t octets) {
  constexpr std::uint64_t kMiB = 1ULL << 20;
  return octets % kMiB == 0 ? fmt::format("{} MiB", octets / kMiB)
                            : fmt::format("{} octets", octets);
}

}  // namespace

LargestListener largest_for(const gateway::Config& config, const routing::NextHop& hop) {
  LargestListener out;
  for (const gateway::ListenerConfig& listener : config.listeners) {
    if (listener.from == hop.name || listener.max_message_size <= out.octets) continue;
    out = {listener.name, listener.max_message_size};
  }
  return out;
}

Row Probes::recipient(Row row, Side side, const std::string& to, Question asked) {
  SmtpSession session(terms_for(plan_, side));
  row.sent += fmt::format(", {} -> {}", sender_of(plan_), to);
  row.expected = "250";
  const bool open = session.open();
  reached_ = reached_ || session.reached();
  if (!open) {
    fail_early(row, side, session.outcome(), Question::connect);
  } else if (!session.agrees(fmt::format("MAIL FROM:<{}>", sender_of(plan_)))) {
    fail_early(row, side, session.outcome(), Question::sender);
  } else if (const auto reply = session.ask(fmt::format("RCPT TO:<{}>", to))) {
    row.found = printable(reply->line());
    row.verdict = Verdict::passed;
    if (!reply->is_positive()) fail(row, trouble_of(asked, side, *reply), row.found);
    static_cast<void>(session.ask("RSET"));
  } else {
    fail_early(row, side, session.outcome(), asked);
  }
  session.quit();
  return row;
}

Row Probes::relay() {
  Row row = row_of("probe-relay",
                   "X passes the gateway's mail on to the outside",
                   terms_for(plan_, Side::old_server));
  const bool by_old = std::find(config_.routing.gateways.external.begin(),
                                config_.routing.gateways.external.end(),
                                plan_.old_hop->name) != config_.routing.gateways.external.end();
  if (!by_old) {
    row.why =
        fmt::format("gateways.external does not hold \"{}\": mail to the outside goes past it",
                    plan_.old_hop->name);
    return row;
  }
  const std::string& given = plan_.address(Role::outside);
  return recipient(std::move(row),
                   Side::old_server,
                   given.empty() ? "postern-verify@example.com" : given,
                   Question::relay);
}

Row Probes::unknown() {
  Row row = row_of("probe-unknown",
                   "X takes an address of the domain that it does not know (Internal Relay)",
                   terms_for(plan_, Side::old_server));
  const std::string to =
      plan_.unknown.empty() ? "postern-verify-nobody@" + plan_.domain : plan_.unknown;
  return recipient(std::move(row), Side::old_server, to, Question::unknown);
}

Row Probes::group() {
  Row row = row_of("probe-group",
                   "X takes mail for a group that wants authenticated senders",
                   terms_for(plan_, Side::old_server));
  if (plan_.group.empty()) {
    row.why = "the test's file has no group";
    return row;
  }
  return recipient(std::move(row), Side::old_server, plan_.group, Question::group);
}

Row Probes::alias() {
  Row row = row_of("probe-alias",
                   "V takes a migrated user's address at the technical domain",
                   terms_for(plan_, Side::new_platform));
  const std::string& user = plan_.address(Role::migrated);
  if (user.empty() || plan_.alias.empty()) {
    row.why = user.empty() ? "the test's file has no [user.migrated] address"
                           : "the domain has no alias in the gateway's config";
    return row;
  }
  return recipient(std::move(row),
                   Side::new_platform,
                   user.substr(0, user.rfind('@') + 1) + plan_.alias,
                   Question::user);
}

Row Probes::size(Side side) {
  const SessionTerms terms = terms_for(plan_, side);
  Row row = row_of(suffix("size", side),
                   fmt::format("{} takes messages as large as the gateway does", full_name(side)),
                   terms);
  const LargestListener largest = largest_for(config_, hop_of(plan_, side));
  row.expected =
      fmt::format("SIZE of {} at least (listener \"{}\")", size_text(largest.octets), largest.name);
  SmtpSession session(terms);
  const bool open = session.open();
  reached_ = reached_ || session.reached();
  if (!open) {
    fail_early(row, side, session.outcome(), Question::connect);
    return row;
  }
  const smtp::Capabilities capabilities = session.conversation()->capabilities();
  session.quit();
  row.verdict = Verdict::passed;
  row.found = !capabilities.size       ? "SIZE is not offered"
              : !capabilities.max_size ? "SIZE without a limit"
                                       : "SIZE " + size_text(*capabilities.max_size);
  if (capabilities.max_size && *capabilities.max_size < largest.octets) {
    fail(row,
         side == Side::old_server ? "x-size-small" : "v-size-small",
         fmt::format("{} of {}; listener \"{}\" takes {}",
                     row.found,
                     full_name(side),
                     largest.name,
                     size_text(largest.octets)));
  }
  return row;
}

Row Probes::extensions(Side side) {
  const SessionTerms terms = terms_for(plan_, side);
  Row row = row_of(suffix("extensions", side),
                   fmt::format("what {} offers behind EHLO", full_name(side)),
                   terms);
  SmtpSession session(terms);
  const bool open = session.open();
  reached_ = reached_ || session.reached();
  if (!open) {
    fail_early(row, side, session.outcome(), Question::connect);
    return row;
  }
  for (const char* keyword :
       {"PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME", "SMTPUTF8", "DSN", "STARTTLS"}) {
    const bool there = session.conversation()->offered(keyword).has_value();
    row.found += fmt::format("{}{}{}", row.found.empty() ? "" : " ", there ? "" : "no-", keyword);
  }
  if (!session.conversation()->capabilities().eight_bit_mime)
    row.why = "without 8BITMIME letters in 8 bits are bounced (R18)";
  session.quit();
  row.verdict = Verdict::passed;
  return row;
}

Row Probes::connections(Side side) {
  const SessionTerms terms = terms_for(plan_, side);
  const unsigned limit = hop_of(plan_, side).limits.connections_per_host;
  const unsigned wanted = std::min(limit, kMostConnections);
  Row row = row_of(suffix("connections", side),
                   fmt::format("{} grants next_hop.max_connections at a time", full_name(side)),
                   terms);
  row.expected = fmt::format("{} connections", wanted);
  const auto end = std::chrono::steady_clock::now() + kConnectionsLimit;
  std::vector<std::unique_ptr<SmtpSession>> open;
  Handed refused;
  unsigned refusals = 0;
  while (open.size() + refusals < wanted && std::chrono::steady_clock::now() < end) {
    auto session = std::make_unique<SmtpSession>(terms);
    const bool good = session->open();
    reached_ = reached_ || session->reached();
    if (good) {
      open.push_back(std::move(session));
      continue;
    }
    ++refusals;
    refused = session->outcome();
    if (open.empty()) break;  // it is not the number
  }
  const std::size_t granted = open.size();
  bool answers = true;
  for (const auto& session : open) {
    if (answers) {
      answers = session->quit();
    } else {
      session->close();
    }
  }
  row.found =
      refusals == 0
          ? fmt::format("{} granted", granted)
          : fmt::format("{} granted beside the gateway's own, {} refused", granted, refusals);
  row.why = "the gateway's own connections count as well, where this runs at its address";
  row.verdict = Verdict::passed;
  if (granted == 0) {
    fail_early(row, side, refused, Question::connect);
  } else if (refusals != 0) {
    fail(row,
         side == Side::old_server ? "x-connections-refused" : "v-connections-refused",
         refused.refusal ? printable(refused.refusal->line()) : refused.failure);
  } else if (granted < wanted) {
    row.why = "no more were tried within a minute; " + row.why;
  }
  return row;
}

}  // namespace postern::verify
