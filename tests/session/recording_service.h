// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/replies.h"
#include "smtp/session/service.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace postern::smtp {

/// What became of one transaction, in the order of begin().
struct RecordedMessage {
  std::string sender;
  std::vector<std::string> recipients;
  std::string octets;
  enum class End { open, finished, refused, dropped } end = End::open;
  Reply refusal;
  std::string helo;
  std::string identity;
  std::string auth;  ///< AUTH= of MAIL
  std::string forwarded;
  ContentFacts content;
};

/// A gateway that takes everything except what a test tells it to refuse, and remembers it all.
/// Lives on the session's thread; a test reads it when that thread has ended.
class RecordingService final : public Service {
 public:
  std::map<std::string, Reply> recipient_replies;  ///< by address
  Reply begin_reply = replies::ok();               ///< to begin_message()
  Reply finish_reply = Reply(250, {2, 0, 0}, "taken"_text);
  std::vector<RecordedMessage> messages;
  std::function<std::unique_ptr<AuthExchange>(const AuthStart&)> on_auth;
  std::vector<std::string> notes;  ///< "event|command|why"

  ClientRights rights;                ///< of whoever asks
  std::vector<SessionFacts> clients;  ///< that were admitted, as they were then
  Reply recipient_limit;              ///< code 0: none
  Reply mail_refusal;                 ///< code 0: none

  ClientRights admit(const SessionFacts& session) override {
    clients.push_back(session);
    return rights;
  }
  Reply limit_recipient(const SessionFacts&) override { return recipient_limit; }
  void note(const SessionFacts&, const SessionNote& what) override {
    std::string line(what.event);
    for (const std::string_view part : {what.command, what.why})
      line.append("|").append(part);
    notes.push_back(std::move(line));
  }
  std::unique_ptr<AuthExchange> authenticate(const SessionFacts&, const AuthStart& start) override {
    return on_auth ? on_auth(start) : nullptr;
  }
  net::Awaitable<Begun> begin(const SessionFacts& session, const Sender& sender) override {
    if (mail_refusal.code() != 0) {
      Begun refused(mail_refusal, nullptr);
      co_return refused;
    }
    messages.push_back({});
    messages.back().sender = sender.path.text();
    messages.back().helo = session.helo;
    messages.back().identity = session.identity;
    messages.back().forwarded = session.forwarded;
    messages.back().auth = sender.parameters.auth;
    Begun begun(replies::sender_ok(), std::make_unique<Recorder>(*this, messages.size() - 1));
    co_return begun;
  }

 private:
  class Recorder final : public Transaction {
   public:
    Recorder(RecordingService& service, std::size_t index) : service_(service), index_(index) {}
    ~Recorder() override {
      if (message().end == RecordedMessage::End::open)
        message().end = RecordedMessage::End::dropped;
    }
    net::Awaitable<Reply> recipient(const Recipient& recipient) override {
      const auto found = service_.recipient_replies.find(recipient.address.text());
      if (found != service_.recipient_replies.end()) co_return found->second;
      message().recipients.push_back(recipient.address.text());
      co_return replies::recipient_ok();
    }
    net::Awaitable<Reply> begin_message() override { co_return service_.begin_reply; }
    net::Awaitable<void> write(std::string_view octets) override {
      message().octets.append(octets);
      co_return;
    }
    void checked(const ContentFacts& facts) override { message().content = facts; }
    net::Awaitable<Reply> finish() override {
      message().end = RecordedMessage::End::finished;
      co_return service_.finish_reply;
    }
    void refused(const Reply& why) override {
      message().end = RecordedMessage::End::refused;
      message().refusal = why;
    }

   private:
    RecordedMessage& message() { return service_.messages[index_]; }
    RecordingService& service_;
    std::size_t index_;
  };
};

}  // namespace postern::smtp
