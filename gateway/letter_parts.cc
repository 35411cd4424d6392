// SPDX-License-Identifier: Apache-2.0
#include "gateway/letter_parts.h"

#include <fmt/format.h>

namespace postern::gateway {
namespace {

routing::SessionView view_of(const smtp::SessionFacts& session) {
  routing::SessionView out;
  out.id = session.id;
  out.transaction = session.transaction;
  out.helo = session.helo;
  out.esmtp = session.esmtp;
  out.client_port = session.client_port;
  out.server = plain_ip(session.local.address());
  out.server_port = session.local.port();
  if (session.tls != nullptr) {
    out.tls_version = session.tls->version;
    out.tls_cipher = session.tls->cipher;
    out.tls_bits = session.tls->bits;
  }
  return out;
}

}  // namespace

std::size_t header_end(std::string_view octets, std::size_t known) {
  if (octets.starts_with("\r\n")) return 2;
  const std::size_t from = known > 3 ? known - 3 : 0;
  const std::size_t at = octets.find("\r\n\r\n", from);
  return at == std::string_view::npos ? at : at + 4;
}

std::string describe(const queue::HopReport& report) {
  if (report.tls_waived) {
    queue::HopReport kept = report;
    kept.tls_waived = false;
    const std::string how = describe(kept);
    return (how.empty() ? "in plain: not offered" : how) + "; the message says TLS-Required: No";
  }
  if (!report.tls) return report.tls_fallback.empty() ? "" : "in plain: " + report.tls_fallback;
  const tls::Info& tls = *report.tls;
  std::string verdict = "not verified";
  if (tls.verified) verdict = fmt::format("verified by {}", tls::verified_by_name(tls.verified_by));
  return fmt::format("encrypted, {} ({} {})", verdict, tls.version, tls.cipher);
}

routing::Request request_of(const smtp::SessionFacts& session,
                            const ListenerRuntime& listener,
                            const smtp::Sender& sender,
                            const smtp::Mailbox& recipient) {
  routing::Request request;
  request.client = session.client;
  request.listener = listener.name;
  request.role = listener.role;
  request.listener_from = listener.from;
  request.identity = session.identity;
  request.sender = &sender;
  request.recipient = recipient;
  request.size = sender.parameters.size;
  request.session = view_of(session);
  return request;
}

LetterRecord record_of(const smtp::SessionFacts& session,
                       const ListenerRuntime& listener,
                       const smtp::Sender& sender,
                       const smtp::Mailbox& recipient,
                       const routing::Decision& decision) {
  LetterRecord record;
  record.session = session.id;
  record.client = session.client.to_string();
  if (session.confirmed_name && *session.confirmed_name != "unknown")
    record.client_name = *session.confirmed_name;
  if (!session.proxy.is_unspecified()) record.proxy = session.proxy.to_string();
  record.forwarded = session.forwarded;
  record.listener = listener.name;
  record.identity = session.identity;
  record.sender = sender.path.text();
  record.recipient = recipient.text();
  record.copy = routing::copy_name(decision.copy);
  record.recipient_out = decision.recipient_out.text();
  record.decision = routing::decision_name(decision.kind);
  record.stage = decision.stage;
  record.reason = decision.reason();
  record.told = decision.told();
  if (decision.kind == routing::DecisionKind::route) record.next_hop = decision.target.name();
  return record;
}

SessionRecord record_of(const smtp::SessionFacts& session) {
  SessionRecord record;
  record.session = session.id;
  record.client = session.client.to_string();
  if (!session.proxy.is_unspecified()) record.proxy = session.proxy.to_string();
  record.listener = session.listener;
  record.identity = session.identity;
  return record;
}

}  // namespace postern::gateway
