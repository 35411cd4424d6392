// SPDX-License-Identifier: Apache-2.0
// Delivery status notifications: composed, stored and sent like any other message.
#include "queue/dsn/report.h"
#include "queue/engine_impl.h"
#include "routing/message_facts.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace postern::queue {
namespace {

/// Whom the relay rules take our own reports for: they may go anywhere (R2).
constexpr std::string_view kIdentity = "postern";
/// Of a message that goes back whole (RET=FULL).
constexpr std::uint64_t kMostReturned = 64UL << 10;

std::uint32_t header_size(std::string_view octets) {
  const std::size_t end = octets.find("\r\n\r\n");
  return static_cast<std::uint32_t>(end == std::string_view::npos ? octets.size() : end + 4);
}

/// The report's way, and the copies for a sender with two mailboxes, which `envelope` gets. A
/// journal is about letters: our own reports are none.
std::vector<Routed> with_dual_copies(routing::Decision decision,
                                     spool::Envelope& envelope,
                                     std::string_view octets) {
  std::vector<Routed> out;
  std::erase_if(decision.also,
                [](const routing::Copy& copy) { return copy.kind != routing::CopyKind::dual; });
  const bool routed = decision.kind == routing::DecisionKind::route;
  const std::vector<routing::Copy> copies = routed ? decision.also : std::vector<routing::Copy>();
  out.push_back(Routed{0, std::move(decision)});
  if (copies.empty()) return out;
  routing::MessageFacts facts = routing::scan_header(octets);
  routing::identify(facts);
  envelope.loop.by_id = facts.by_id;
  envelope.loop.by_date = facts.by_date;
  for (const routing::Copy& copy : copies) {
    spool::Recipient one;
    one.address.address = copy.recipient_out;
    one.copy = static_cast<std::uint8_t>(copy.kind);
    one.copy_of = envelope.recipients.front().address.address;
    one.due = spool::wall_now();
    out.push_back(
        Routed{static_cast<std::uint32_t>(envelope.recipients.size()), routing::decision_of(copy)});
    envelope.recipients.push_back(std::move(one));
  }
  return out;
}

}  // namespace

net::Awaitable<Result<std::string>> Engine::Impl::read_front(spool::MessagePtr message,
                                                             std::uint64_t octets) {
  std::string out;
  spool::BodyReader reader = spool.read(std::move(message));
  while (out.size() < octets) {
    const Result<spool::Chunk> chunk = co_await reader.next();
    if (!chunk) co_return chunk.error();
    if (!*chunk) break;
    out += **chunk;
  }
  if (out.size() > octets) out.resize(octets);
  co_return out;
}

net::Awaitable<bool> Engine::Impl::report(spool::MessagePtr message,
                                          std::vector<dsn::ReportedRecipient> about,
                                          RoutingView view) {
  const auto self = shared_from_this();
  dsn::Facts facts;
  facts.recipients = dsn::reported(message->sender().path, std::move(about));
  if (facts.recipients.empty()) co_return true;  // R17, or nobody wants to know
  const std::string sender = message->sender().path.text();
  // Whoever owns the guard tells how many it held back.
  if (!storm->admit(sender, net::Clock::now())) co_return true;
  const auto failed = [](const dsn::ReportedRecipient& r) {
    return r.action == dsn::Action::failed;
  };
  // RFC 3461 4.3: RET is about failures; a report without one returns the header only.
  const bool whole = message->sender().parameters.ret == smtp::Ret::full &&
                     message->octets() <= kMostReturned &&
                     std::any_of(facts.recipients.begin(), facts.recipients.end(), failed);
  const Result<std::string> front =
      co_await read_front(message, whole ? message->octets() : message->header_octets());
  if (front) {
    facts.header = std::string_view(*front).substr(0, message->header_octets());
    if (whole) facts.message = *front;
  }
  facts.hostname = view.hostname;
  facts.id = message->id().str();
  facts.now = std::chrono::system_clock::now();
  facts.arrival = message->received();
  facts.sender = message->sender();
  facts.most_returned = kMostReturned;
  const std::optional<dsn::Report> composed = dsn::compose(facts);
  if (!composed) co_return true;
  Result<spool::Draft> draft = spool.begin();
  if (!draft) co_return false;
  const std::error_code appended = co_await draft->append(std::string_view(composed->octets));
  if (appended) co_return false;
  spool::Envelope envelope;
  envelope.sender = dsn::report_sender(*composed);
  spool::Recipient to;
  to.address.address = message->sender().path.mailbox();
  to.due = spool::wall_now();
  envelope.recipients.push_back(std::move(to));
  envelope.origin.identity = std::string(kIdentity);
  envelope.received = spool::wall_now();
  envelope.header_octets = header_size(composed->octets);
  routing::Request request;
  request.identity = kIdentity;
  request.sender = &envelope.sender;
  request.recipient = message->sender().path.mailbox();
  routing::Decision decision = co_await view.pipeline->decide(request);
  std::vector<Routed> routed = with_dual_copies(std::move(decision), envelope, composed->octets);
  const std::string id = draft->id().str();
  const Accepted taken = co_await accept(
      *std::move(draft), std::move(envelope), std::move(routed), view, Promise::stored);
  if (taken.reply.is_positive()) {
    spdlog::info("report {} to <{}> about {}", id, sender, message->id().str());
  }
  co_return taken.reply.is_positive();
}

}  // namespace postern::queue
