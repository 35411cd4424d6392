// SPDX-License-Identifier: Apache-2.0
#include "gateway/own_letter.h"

#include "routing/message_facts.h"
#include "routing/pipeline.h"
#include "smtp/address.h"

#include <utility>

namespace postern::gateway {
namespace {

std::uint32_t header_octets(std::string_view octets) {
  const std::size_t end = octets.find("\r\n\r\n");
  return static_cast<std::uint32_t>(end == std::string_view::npos ? octets.size() : end + 4);
}

}  // namespace

net::Awaitable<bool> submit(spool::Spool& spool,
                            queue::Engine& engine,
                            queue::RoutingView view,
                            OwnLetter letter) {
  const Result<smtp::Mailbox> to = smtp::Mailbox::parse(letter.to);
  if (!to) co_return false;
  Result<spool::Draft> draft = spool.begin();
  if (!draft) co_return false;
  const std::error_code appended = co_await draft->append(std::string_view(letter.octets));
  if (appended) co_return false;
  spool::Envelope envelope;
  spool::Recipient recipient;
  recipient.address.address = *to;
  recipient.due = spool::wall_now();
  envelope.recipients.push_back(std::move(recipient));
  envelope.origin.identity = letter.identity;
  envelope.received = spool::wall_now();
  envelope.header_octets = header_octets(letter.octets);
  const std::string_view header = std::string_view(letter.octets).substr(0, envelope.header_octets);
  envelope.tls_not_required = routing::scan_header(header).tls_not_required;
  routing::Request request;
  request.identity = letter.identity;
  request.sender = &envelope.sender;
  request.recipient = *to;
  routing::Decision decision = co_await view.pipeline->decide(request);
  if (decision.kind != routing::DecisionKind::route) co_return false;
  decision.also.clear();  // a journal and second mailboxes are for letters of people
  std::vector<queue::Routed> routed;
  routed.push_back(queue::Routed{0, std::move(decision)});
  const queue::Accepted taken = co_await engine.accept(*std::move(draft),
                                                       std::move(envelope),
                                                       std::move(routed),
                                                       std::move(view),
                                                       queue::Promise::stored);
  co_return taken.reply.is_positive();
}

}  // namespace postern::gateway
