// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"
#include "mailtools/verify/probes.h"
#include "mailtools/verify/smtp_session.h"

#include <fmt/format.h>

#include <ctime>
#include <optional>
#include <string>

namespace postern::verify {
namespace {

using routing::TlsLevel;

constexpr std::chrono::days kSoon{21};

/// "Dec  1 00:00:00 2026 GMT".
std::optional<std::chrono::system_clock::time_point> parse_openssl_time(std::string_view text) {
  const std::string copy(text);
  std::tm parts{};
  const char* end = ::strptime(copy.c_str(), "%b %d %H:%M:%S %Y", &parts);
  if (end == nullptr) return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

bool wants_tls(TlsLevel level) {
  return level == TlsLevel::encrypt || is_verified(level);
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 5;
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kMost; ++i)
    out += (i == 0 ? "" : ", ") + printable(names[i]);
  return names.size() > kMost ? out + ", ..." : out;
}

/// A connection as far as the end of the handshake.
struct Handshake {
  Handed outcome;
  bool offered = false;
  std::optional<talk::TlsFacts> facts;
  std::string failure;  ///< of the handshake
};

Handshake shake(const SessionTerms& terms, const talk::TlsTerms& tls) {
  Handshake out;
  SmtpSession session(terms);
  const bool open = session.open();
  out.outcome = session.outcome();
  if (!open) return out;
  out.offered = session.conversation()->capabilities().starttls;
  if (!out.offered) {
    session.quit();
    return out;
  }
  const auto reply = session.ask("STARTTLS");
  if (!reply || !reply->is_positive()) {
    out.failure = reply ? printable(reply->line()) : session.outcome().failure;
    return out;
  }
  const talk::Conversation::Done done = session.conversation()->start_tls(tls);
  if (!done) {
    out.failure = done.error().detail;
  } else if (session.conversation()->tls() != nullptr) {
    out.facts = *session.conversation()->tls();
  }
  if (done) session.quit();
  return out;
}

void judge_dates(Row& row, const talk::TlsFacts& facts) {
  const Validity validity =
      validity_of(facts.not_before, facts.not_after, std::chrono::system_clock::now());
  if (!validity.known) return;
  if (validity.expired)
    return fail(row, "tls-certificate-expired", "ended " + printable(facts.not_after));
  if (validity.early)
    return fail(row, "tls-certificate-expired", "begins " + printable(facts.not_before));
  if (validity.left < kSoon)
    row.why = fmt::format("the certificate ends in {} days", validity.left.count());
}

}  // namespace

Validity validity_of(std::string_view not_before,
                     std::string_view not_after,
                     std::chrono::system_clock::time_point now) {
  Validity out;
  const auto begin = parse_openssl_time(not_before);
  const auto end = parse_openssl_time(not_after);
  if (!begin || !end) return out;
  out.known = true;
  out.expired = now > *end;
  out.early = now < *begin;
  out.left = std::chrono::floor<std::chrono::days>(*end - now);
  return out;
}

Row Probes::tls(Side side) {
  const bool old_server = side == Side::old_server;
  const routing::NextHop& hop = old_server ? *plan_.old_hop : *plan_.new_hop;
  SessionTerms terms;
  terms.server = old_server ? plan_.old_smtp : plan_.new_smtp;
  terms.local = plan_.from.gateway;
  terms.helo = plan_.helo;
  Row row;
  row.name = old_server ? "probe-tls-x" : "probe-tls-v";
  row.title = fmt::format("TLS and the certificate of {}", side_name(side));
  row.sent = terms.server.str();
  row.expected = fmt::format("next_hop.tls = \"{}\"", routing::tls_level_name(hop.tls));
  const Handshake plain = shake(terms, {});
  reached_ = reached_ || plain.outcome.reached;
  if (!plain.offered) {
    row.found = plain.outcome.taken() ? "STARTTLS is not offered" : "no session";
    if (!plain.outcome.taken()) {
      fail(
          row,
          old_server ? "x-unreachable" : "v-unreachable",
          plain.outcome.refusal ? printable(plain.outcome.refusal->line()) : plain.outcome.failure);
    } else if (wants_tls(hop.tls)) {
      fail(row, "tls-missing", row.found);
    } else {
      row.verdict = Verdict::passed;
      row.why = "mail for it crosses the network in clear";
    }
    return row;
  }
  if (!plain.facts) {
    row.found = "the handshake fails";
    fail(row, "tls-handshake", plain.failure);
    return row;
  }
  row.verdict = Verdict::passed;
  talk::TlsTerms strict;
  strict.verify = true;
  strict.ca = hop.tls_settings.ca;
  strict.names = hop.tls_settings.names;
  const Handshake verified = shake(terms, strict);
  row.found = fmt::format(
      "{}, certificate of {} until {}, {}",
      plain.facts->version,
      plain.facts->names.empty() ? printable(plain.facts->subject) : joined(plain.facts->names),
      printable(plain.facts->not_after),
      verified.facts ? "verified" : "not verified: " + verified.failure);
  judge_dates(row, *plain.facts);
  const bool by_chain = hop.tls == TlsLevel::verify && hop.tls_settings.pins.empty();
  if (by_chain && !verified.facts && row.troubles.empty())
    fail(row, "tls-certificate", verified.failure);
  return row;
}

}  // namespace postern::verify
