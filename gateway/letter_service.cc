// SPDX-License-Identifier: Apache-2.0
#include "gateway/letter_service.h"

#include "gateway/by_route_letter.h"
#include "smtp/replies.h"

namespace postern::gateway {

net::Awaitable<smtp::Begun> LetterService::begin(const smtp::SessionFacts& session,
                                                 const smtp::Sender& sender) {
  std::shared_ptr<const Runtime> runtime = current_.get();
  const ListenerRuntime* listener = runtime->find(listener_.name);
  if (listener == nullptr) {
    runtime = runtime_;
    listener = &listener_;
  }
  std::unique_ptr<smtp::Transaction> letter;
  if (runtime->delivery_by_route) {
    letter = std::make_unique<ByRouteLetter>(runtime, *listener, session, sender, tools_);
  } else {
    letter = make_letter(listener->delivery, runtime, *listener, session, sender, tools_);
  }
  smtp::Begun begun(smtp::replies::sender_ok(), std::move(letter));
  co_return begun;
}

void LetterService::note(const smtp::SessionFacts& session, const smtp::SessionNote& what) {
  SessionRecord record;
  record.session = session.id;
  record.client = session.client.to_string();
  record.listener = listener_.name;
  record.identity = session.identity;
  record.event = what.event;
  record.command = what.command;
  record.why = what.why;
  tools_.log->write(record);
}

}  // namespace postern::gateway
