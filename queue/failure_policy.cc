// SPDX-License-Identifier: Apache-2.0
#include "queue/failure_policy.h"

#include <string>
#include <utility>

namespace postern::queue {
namespace {

using Kind = smtp::ClientFailure::Kind;
using Next = Remedy::Next;

smtp::Reply about(smtp::EnhancedStatus status,
                  std::string_view host,
                  const smtp::ClientFailure& failure) {
  std::string text = "next hop ";
  text.append(host).append(": ").append(failure.sentence());
  return smtp::Reply(451, status, std::move(text));
}

/// The session never began: nothing was said about the message, so this is always transient, a
/// greeting of 554 too (RFC 5321 3.1: no SMTP service here, which tells of the host).
smtp::Reply no_session(std::string_view host, const smtp::ClientFailure& failure) {
  switch (failure.kind) {
    case Kind::no_tls:
      // RFC 3463: 4 for what is not there, 5 for what fails.
      return about(failure.step == smtp::ClientStep::tls ? smtp::EnhancedStatus{4, 7, 5}
                                                         : smtp::EnhancedStatus{4, 7, 4},
                   host,
                   failure);
    case Kind::refused:
      if (failure.step == smtp::ClientStep::starttls && failure.reply.code() != 421) {
        return about({4, 7, 4}, host, failure);
      }
      // "421 means slower and not dead": congestion, where the host said so itself.
      return about(failure.reply.status() == smtp::EnhancedStatus{4, 3, 2}
                       ? smtp::EnhancedStatus{4, 3, 2}
                       : smtp::EnhancedStatus{4, 4, 1},
                   host,
                   failure);
    default:
      return about({4, 4, 1}, host, failure);
  }
}

smtp::Reply lost_session(std::string_view host, const smtp::ClientFailure& failure) {
  if (failure.reply.code() >= 400) return given_back(failure.reply);
  return about({4, 4, 2}, host, failure);
}

Remedy session_trouble(const Trouble& t, std::string_view host) {
  Remedy out;
  // A handshake that must succeed and does not says nothing about the next try, but much about the
  // host: it goes to the end of the line like one that is down.
  out.remember_down = true;
  out.next = t.hosts_left ? Next::other_host : Next::give_back;
  out.reply = no_session(host, t.failure);
  return out;
}

Remedy host_trouble(const Trouble& t, std::string_view host) {
  Remedy out;
  out.reply = lost_session(host, t.failure);
  if (t.progress != Progress::nothing) return out;
  if (t.reused) {
    // The server closed a kept connection, as it may at any time: no news about the host.
    out.next = Next::reopen;
    return out;
  }
  out.remember_down = true;
  if (t.hosts_left) out.next = Next::other_host;
  return out;
}

}  // namespace

smtp::Reply given_back(const smtp::Reply& reply) {
  const int code = reply.code() == 421 ? 451 : reply.code();
  smtp::EnhancedStatus status = reply.status();
  if (status.empty()) status.klass = static_cast<std::uint16_t>(code / 100);
  return smtp::Reply(code, status, std::string(reply.text()));
}

Remedy remedy(const Trouble& trouble, std::string_view host) {
  switch (trouble.scope) {
    case Scope::session:
      return session_trouble(trouble, host);
    case Scope::host:
      return host_trouble(trouble, host);
    case Scope::message:
    case Scope::recipient: {
      Remedy out;
      out.keep_connection = true;
      out.reply = given_back(trouble.reply);
      return out;
    }
  }
  return {};
}

}  // namespace postern::queue
