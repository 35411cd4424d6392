// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/data_decoder.h"
#include "smtp/proxy_header.h"
#include "smtp/server_dialogue.h"
#include "smtp/session/input_buffer.h"
#include "smtp/session/service.h"
#include "tls/current_context.h"
#include "tls/stream.h"

#include <optional>
#include <string>

namespace postern::smtp {

/// What a listener gives to each of its sessions; outlives them.
struct SessionOptions {
  ServerProfile profile;
  ServerTimeouts timeouts;
  /// For STARTTLS or implicit TLS; null: neither.
  const tls::CurrentContext* tls = nullptr;
  bool implicit_tls = false;
};

/// One client's session: joins the pure dialogue, the stream and the gateway. Reads like the RFC:
/// greet, then line by line, replies written once when the input is used up. Owned by the coroutine
/// that runs it; everything on the stream's thread.
class ServerSession {
 public:
  /// `facts.listener`, `facts.id`, the addresses and whether a PROXY header comes are filled in by
  /// the caller; the rest is the session's.
  ServerSession(net::Socket socket,
                const SessionOptions& options,
                Service& service,
                SessionFacts facts);
  ServerSession(ServerSession&&) = delete;

  /// Serves the client until it quits, errs too often, is silent too long, or stop() is called.
  net::Awaitable<void> run();

  /// Graceful end: what is under way is finished; at the next command boundary the client gets
  /// 421 4.3.2.
  void stop();

 private:
  /// The message that is coming in, over one DATA or several BDAT.
  struct Incoming {
    DataDecoder decoder;
    ContentScanner scanner;
    std::uint64_t octets = 0;    ///< of the message
    std::uint64_t received = 0;  ///< with those that were only read over: for the rate
    net::TimePoint deadline{};
    net::Clock::duration waited{0};  ///< for the client's octets, in all
    bool too_large = false;
    bool begun = false;
  };
  using Line = InputBuffer::Line;
  /// What ends an exchange in place of a response.
  struct Abandoned {
    Reply reply;
    std::string_view why;
  };

  net::Awaitable<bool> open();
  net::Awaitable<bool> let_in();
  net::Awaitable<bool> read_proxy_header();
  net::Awaitable<std::string_view> take_proxy_header(std::string& header);
  std::string_view believe(const ProxyHeader& header);
  bool has_proxy_header();
  bool admit();
  net::Awaitable<bool> override_client(const ClientOverride& client);
  void apply(const ClientOverride& client);
  net::Awaitable<void> serve();
  net::Awaitable<bool> read_line();
  net::Awaitable<bool> read_more(net::TimePoint deadline);
  net::Awaitable<bool> read_content();
  void timed_out();
  net::Awaitable<bool> perform(const ServerDialogue::Effect& effect);
  net::Awaitable<bool> begin_mail(const Mail& mail);
  net::Awaitable<void> add_recipient(const Rcpt& rcpt);
  net::Awaitable<bool> receive_data();
  net::Awaitable<bool> receive_chunk(ServerDialogue::BeginChunk chunk);
  net::Awaitable<bool> pass_chunk(std::uint64_t size, bool discard);
  net::Awaitable<bool> upgrade_to_tls();
  void take_certificate();
  net::Awaitable<bool> authenticate(AuthStart start, std::optional<std::string> encoded);
  net::Awaitable<AuthStep> exchange(AuthStart start, std::optional<std::string> encoded);
  net::Awaitable<std::optional<Abandoned>> read_response(std::string& octets);
  net::Awaitable<void> pause(std::chrono::milliseconds span);
  std::size_t limit_of(std::string_view line) const;
  void offer_auth();
  std::string_view without_secrets(std::string_view line);
  net::Awaitable<bool> flush();
  net::Awaitable<void> pass_on(std::string_view octets, bool clean);
  net::Awaitable<Reply> end_message(const ContentViolations& violations, bool no_dots);
  void begin_incoming();
  void note(std::string_view event, std::string_view command, std::string_view why);
  void note_refusal(std::string_view line, std::size_t said_before);
  void drop_transaction();
  void forget_forwarded();
  net::Awaitable<void> say_goodbye();

  const SessionOptions& options_;
  Service& service_;
  SessionFacts facts_;
  tls::Stream stream_;
  ServerDialogue dialogue_;
  std::unique_ptr<Transaction> transaction_;
  Incoming incoming_;
  Forwarded forwarded_;  ///< facts_.forwarded, in its parts
  InputBuffer input_;
  std::string out_;
  net::TimePoint ends_ = net::TimePoint::max();  ///< the session, at its next command
  std::string_view waits_for_;                   ///< what a time-out is counted as
  Line line_;                                    ///< the current one
  net::Timer pause_;
  bool in_exchange_ = false;  ///< the next line is a response of AUTH
  bool saw_auth_ = false;     ///< the client has said AUTH
  bool lost_ = false;         ///< the client went away in the middle of an exchange
  bool idle_ = false;         ///< waiting for a command with nothing under way
  bool stopping_ = false;
  unsigned notes_ = 0;  ///< made so far
  Reply goodbye_;       ///< said before closing, when the session itself ends it
};

}  // namespace postern::smtp
