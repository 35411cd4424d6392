// SPDX-License-Identifier: Apache-2.0
#include "gateway/delivery_log.h"

#include "base/date.h"
#include "gateway/letter_parts.h"

namespace postern::gateway {
namespace {

std::string_view outcome_name(queue::DeliveryEvent::Outcome outcome) {
  using Outcome = queue::DeliveryEvent::Outcome;
  switch (outcome) {
    case Outcome::delivered:
      return "delivered";
    case Outcome::deferred:
      return "deferred";
    case Outcome::bounced:
      return "bounced";
    case Outcome::failed:
      return "failed";
    case Outcome::discarded:
      return "discarded";
    case Outcome::refused:
      return "refused";
  }
  return "failed";
}

}  // namespace

void write_delivery(const LetterLog& log, const queue::DeliveryEvent& event) {
  const spool::Message& message = *event.message;
  const std::string id = message.id().str();
  LetterRecord record;
  record.letter = id;
  record.client = message.origin().client.to_string();
  record.listener = message.origin().listener;
  record.identity = message.origin().identity;
  record.sender = message.sender().path.text();
  record.recipient = message.address(event.index).address.text();
  record.copy = routing::copy_name(static_cast<routing::CopyKind>(message.copy(event.index)));
  record.octets = message.octets();
  record.outcome = outcome_name(event.outcome);
  if (event.decision != nullptr) {
    record.recipient_out = event.decision->recipient_out.text();
    record.decision = routing::decision_name(event.decision->kind);
    record.stage = event.decision->stage;
    record.reason = event.decision->reason();
    record.told = event.decision->told();
    if (event.decision->kind == routing::DecisionKind::route) {
      record.next_hop = event.decision->target.name();
    }
  }
  if (event.report != nullptr) {
    record.host = event.report->host;
    record.tls = describe(*event.report);
  }
  if (event.reply.code() != 0) record.reply = event.reply.line();
  record.attempts = event.attempts;
  if (event.next_try != spool::WallTime()) record.next_try = rfc5322_date(event.next_try);
  record.took = spool::wall_now() - message.received();
  log.write(record);
}

}  // namespace postern::gateway
