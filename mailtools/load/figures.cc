// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/figures.h"

#include "base/printable.h"

#include <algorithm>
#include <utility>

namespace postern::load {

std::string_view name_of(Failure::Kind kind) {
  using enum Failure::Kind;
  switch (kind) {
    case none:
      return "none";
    case refused:
      return "refused";
    case connect_refused:
      return "connect_refused";
    case unreachable:
      return "unreachable";
    case timed_out:
      return "timed_out";
    case closed:
      return "closed";
    case tls:
      return "tls";
    case bad_reply:
      return "bad_reply";
    case local:
      return "local";
    case interrupted:
      return "interrupted";
    case unsent:
      return "unsent";
    case undelivered:
      return "undelivered";
  }
  return "none";
}

std::string_view name_of(smtp::ClientStep step) {
  using enum smtp::ClientStep;
  switch (step) {
    case connect:
      return "connect";
    case greeting:
      return "greeting";
    case ehlo:
      return "ehlo";
    case helo:
      return "helo";
    case starttls:
      return "starttls";
    case tls:
      return "tls";
    case auth:
      return "auth";
    case rset:
      return "rset";
    case mail:
      return "mail";
    case rcpt:
      return "rcpt";
    case data:
      return "data";
    case body:
      return "body";
    case chunk:
    case last_chunk:
      return "bdat";
    case data_done:
      return "data_end";
    case quit:
      return "quit";
  }
  return "connect";
}

Errors::Row& Errors::row(Key key, std::string_view example) {
  const bool is_new = !rows_.contains(key);
  if (is_new && rows_.size() >= kMost) key = Key{key.kind, smtp::ClientStep::connect, 0, {}};
  Row& found = rows_[std::move(key)];
  if (found.count == 0) found.example = example;
  return found;
}

void Errors::add(const Failure& failure, std::uint64_t times) {
  const smtp::Reply& reply = failure.reply;
  const std::string enhanced = reply.status().empty() ? std::string() : reply.status().str();
  Key key{failure.kind, failure.step, reply.code(), enhanced};
  Row& found = row(std::move(key), {});
  if (found.count == 0) {
    found.example = printable(reply.code() != 0 ? reply.line() : failure.detail);
  }
  found.count += times;
}

void Errors::merge(const Errors& other) {
  for (const auto& [key, theirs] : other.rows_)
    row(key, theirs.example).count += theirs.count;
}

void Figures::merge(const Figures& other) {
  sent += other.sent;
  accepted += other.accepted;
  failed += other.failed;
  unsent += other.unsent;
  retried += other.retried;
  recipients_accepted += other.recipients_accepted;
  recipients_refused += other.recipients_refused;
  octets += other.octets;
  connections += other.connections;
  connections_failed += other.connections_failed;
  handshakes += other.handshakes;
  resumed += other.resumed;
  held_lost += other.held_lost;
  held_failed += other.held_failed;
  errors.merge(other.errors);
  connect.merge(other.connect);
  tls.merge(other.tls);
  rcpt.merge(other.rcpt);
  data.merge(other.data);
  letter.merge(other.letter);
  behind = std::max(behind, other.behind);
  first_due = std::min(first_due, other.first_due);
  last_end = std::max(last_end, other.last_end);
}

}  // namespace postern::load
