// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/sink/login.h"
#include "mailtools/sink/sink.h"
#include "smtp/data_decoder.h"
#include "smtp/server_dialogue.h"
#include "smtp/session/input_buffer.h"
#include "tls/stream.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Private to mailtools/sink.

namespace postern::sink {

/// What the sessions of a sink share; outlives them. Any thread.
struct Shared {
  Shared(SinkOptions o, Observer* who)
      : options(std::move(o)), accounts(options.accounts), observer(who), faults(options.seed) {}

  const SinkOptions options;
  const Accounts accounts;
  Observer* const observer;
  FaultTable faults;
  std::atomic<std::uint64_t> messages{0};
  std::atomic<std::uint64_t> recipients{0};
  std::atomic<std::uint64_t> octets{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> refused{0};
};

/// One client's session. The gateway's own (smtp/session/server_session.h) is no use here: every
/// stage can be made to fail, to wait or to be cut off, letters are taken whatever is wrong with
/// them, and nobody is asked about recipients. What they have in common is the dialogue, the
/// decoder, the buffer and the stream. Owned by the coroutine that runs it; everything on the
/// stream's thread.
class Session {
 public:
  Session(net::Socket socket, Shared& shared);
  Session(Session&&) = delete;

  /// Until the client quits, is silent too long, is cut off by a fault, or stop() is called.
  net::Awaitable<void> run();
  /// At the next command boundary 421 4.3.2; a wait for the client ends at once.
  void stop();

 private:
  using Line = smtp::InputBuffer::Line;
  /// What a fault leaves of a stage.
  struct Verdict {
    bool over = false;                 ///< the session ends
    std::optional<smtp::Reply> reply;  ///< instead of the stage
    bool tls_fail = false;
    std::uint64_t rate = 0;
  };
  struct Letter {
    smtp::DataDecoder decoder;
    smtp::ContentScanner scanner;  ///< of chunks
    std::unique_ptr<Writer> writer;
    std::uint64_t octets = 0;
    std::uint64_t rate = 0;                       ///< octets a second at most; 0: any
    net::TimePoint ends = net::TimePoint::max();  ///< all of it must be there
    bool begun = false;
    bool by_chunks = false;
  };

  net::Awaitable<bool> open();
  net::Awaitable<void> serve();
  net::Awaitable<bool> on_line();
  net::Awaitable<bool> perform(const smtp::ServerDialogue::Effect& effect);
  net::Awaitable<bool> begin_mail(const smtp::Mail& mail);
  net::Awaitable<bool> add_recipient(const smtp::Rcpt& rcpt);
  net::Awaitable<bool> receive_data();
  net::Awaitable<bool> receive_chunk(smtp::ServerDialogue::BeginChunk chunk);
  net::Awaitable<bool> read_chunk(std::uint64_t size, bool discard);
  net::Awaitable<bool> end_letter();
  net::Awaitable<bool> stays_after(const smtp::Reply& reply);
  net::Awaitable<bool> read_content();
  net::Awaitable<bool> upgrade_to_tls(bool fails);
  net::Awaitable<bool> authenticate(std::string mechanism, std::optional<std::string> encoded);
  net::Awaitable<bool> read_response(std::string& line);

  net::Awaitable<Verdict> strike(Stage stage,
                                 std::optional<std::string_view> from,
                                 std::optional<std::string_view> to);
  net::Awaitable<bool> end_stage();
  net::Awaitable<void> hang();
  void cut_off(bool reset);
  void follow_extensions();
  bool hides(std::string_view extension) const;
  bool hides_parameter(const smtp::MailParametersView& parameters) const;
  void hide_lines(std::size_t said_before);

  net::Awaitable<bool> read_line();
  net::Awaitable<bool> read_more(net::TimePoint deadline, std::size_t most);
  net::Awaitable<bool> flush();
  net::Awaitable<void> pause(net::Clock::duration span);
  void begin_letter(bool by_chunks);
  void pass_on(std::string_view octets);
  smtp::Reply take_letter();
  Taken taken() const;
  void drop_transaction();

  Shared& shared_;
  tls::Stream stream_;
  IpAddress client_;
  smtp::ServerProfile profile_;
  smtp::ServerDialogue dialogue_;
  smtp::InputBuffer input_;
  std::string out_;
  net::Timer pause_;
  Line line_;

  std::string helo_;
  bool esmtp_ = false;
  std::string identity_;
  smtp::Sender sender_;
  std::vector<smtp::Recipient> recipients_;
  Letter letter_;
  std::string head_;

  std::vector<std::string> hidden_;
  std::uint64_t hidden_version_ = 0;
  std::optional<Strike::Drop> drop_;  ///< behind the stage that is under way
  std::size_t stage_said_ = 0;        ///< what out_ held when that began
  bool waiting_ = false;              ///< for the client
  bool stopping_ = false;
};

}  // namespace postern::sink
