// SPDX-License-Identifier: Apache-2.0
#include "gateway/by_route_letter.h"

#include "gateway/letter.h"
#include "gateway/letter_parts.h"
#include "gateway/stored_letter.h"
#include "smtp/replies.h"

namespace postern::gateway {

std::unique_ptr<DecidedLetter> make_letter(Delivery delivery,
                                           std::shared_ptr<const Runtime> runtime,
                                           const ListenerRuntime& listener,
                                           const smtp::SessionFacts& session,
                                           const smtp::Sender& sender,
                                           const LetterTools& tools) {
  if (delivery == Delivery::cut_through) {
    return std::make_unique<Letter>(std::move(runtime), listener, session, sender, tools);
  }
  return std::make_unique<StoredLetter>(std::move(runtime), listener, session, sender, tools);
}

ByRouteLetter::ByRouteLetter(std::shared_ptr<const Runtime> runtime,
                             const ListenerRuntime& listener,
                             const smtp::SessionFacts& session,
                             const smtp::Sender& sender,
                             LetterTools tools)
    : runtime_(std::move(runtime)),
      listener_(listener),
      session_(session),
      sender_(sender),
      tools_(tools) {}

void ByRouteLetter::choose(Delivery delivery) {
  const bool passes = delivery == Delivery::cut_through;
  if (letter_ && (has_recipients_ || passes == passes_through_)) return;
  passes_through_ = passes;
  letter_ = make_letter(delivery, runtime_, listener_, session_, sender_, tools_);
}

net::Awaitable<smtp::Reply> ByRouteLetter::recipient(const smtp::Recipient& recipient) {
  const routing::Request request = request_of(session_, listener_, sender_, recipient.address);
  routing::Decision decision = co_await runtime_->snapshot->pipeline().decide(request);
  const bool goes_on = decision.kind == routing::DecisionKind::route;
  const Delivery wanted = decision.delivery.value_or(listener_.delivery);
  if (goes_on || !letter_) choose(wanted);
  if (goes_on && (wanted == Delivery::cut_through) != passes_through_) {
    decision.kind = routing::DecisionKind::defer;
    decision.reply = smtp::replies::other_next_hop();
  }
  smtp::Reply reply = co_await letter_->take(recipient, std::move(decision));
  has_recipients_ = has_recipients_ || reply.is_positive();
  co_return reply;
}

net::Awaitable<smtp::Reply> ByRouteLetter::begin_message() {
  smtp::Reply reply = co_await letter_->begin_message();
  co_return reply;
}

net::Awaitable<void> ByRouteLetter::write(std::string_view octets) {
  co_await letter_->write(octets);
}

void ByRouteLetter::checked(const smtp::ContentFacts& facts) {
  letter_->checked(facts);
}

net::Awaitable<smtp::Reply> ByRouteLetter::finish() {
  smtp::Reply reply = co_await letter_->finish();
  co_return reply;
}

void ByRouteLetter::refused(const smtp::Reply& why) {
  if (letter_) letter_->refused(why);
}

}  // namespace postern::gateway
