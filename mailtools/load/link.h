// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "mailtools/load/figures.h"
#include "mailtools/load/plan.h"
#include "smtp/client_dialogue.h"
#include "smtp/reply_parser.h"
#include "tls/session_cache.h"
#include "tls/stream.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::load {

/// What became of one letter.
struct Sent {
  bool accepted = false;
  std::uint64_t recipients = 0;  ///< that were accepted with it
  /// The connection was kept from a letter before, and ended before anything of this one was
  /// answered: another connection may take it.
  bool stale = false;
  net::TimePoint end;  ///< when the last reply was there
};

/// One connection to the server under load. The commands of a letter are one write where the server
/// has PIPELINING, the letter itself is another (with BDAT the same one), and what is sent is
/// shared by all letters but for the head; replies are read without waiting where they have come.
/// Used on the executor's thread, one call at a time; may be destroyed when none is under way.
class Link {
 public:
  /// All but the executor outlive it. `figures` gets what connections cost and what failed.
  Link(net::Executor executor,
       const Plan& plan,
       Sources& sources,
       std::shared_ptr<tls::SessionCache> sessions,
       Figures& figures);
  ~Link();
  Link(Link&&) = delete;

  /// Connects, greets, begins TLS and logs in. False: failure() tells. Called once.
  net::Awaitable<bool> open();
  /// One letter; what failed is in the figures where it counts. Afterwards is_open() tells whether
  /// the next may follow.
  net::Awaitable<Sent> send(Letter letter, std::string_view date);
  /// A command that changes nothing, and its reply; false: the connection is gone.
  net::Awaitable<bool> noop();
  /// Begins a letter and then sends it at one octet a second, until the server has enough of it or
  /// all of it.
  net::Awaitable<void> drip(Letter letter, std::string date);
  /// QUIT, its reply, and the end of the connection; never fails.
  net::Awaitable<void> quit();
  void close();

  bool is_open() const { return stream_ != nullptr && stream_->is_open() && !failure_; }
  const Failure& failure() const { return failure_; }
  const smtp::Capabilities& offered() const { return offered_; }
  std::uint64_t letters() const { return letters_; }

 private:
  /// How far a letter has come.
  struct Progress {
    net::TimePoint began;
    net::TimePoint written;  ///< its last octet
    bool counted = true;
    bool kept = false;  ///< the connection has had a letter before
    bool mail_taken = false;
    std::uint64_t recipients = 0;
    std::uint64_t recipients_asked = 0;
    std::uint64_t recipients_taken = 0;
    bool go_ahead = false;  ///< 354
    bool chunk_refused = false;
    bool failed = false;  ///< and why is in the figures
    Sent sent;
  };

  net::Awaitable<bool> converse();
  net::Awaitable<bool> begin_tls();
  net::Awaitable<bool> log_in();
  net::Awaitable<bool> answer_challenges(std::string mechanism);
  void lose(net::error_code ec, smtp::ClientStep step);

  void write_commands(const Letter& letter);
  void end_command(smtp::ClientStep step);
  net::Awaitable<bool> envelope(Progress& progress);
  net::Awaitable<bool> transfer(const Letter& letter, Progress& progress);
  net::Awaitable<bool> data(const Letter& letter, Progress& progress);
  net::Awaitable<bool> chunks(const Letter& letter, Progress& progress);
  net::Awaitable<bool> next_answer(Progress& progress);
  void judge(smtp::ClientStep step, Progress& progress);
  void on_rcpt(Progress& progress);
  void on_end(smtp::ClientStep step, Progress& progress);
  void refuse(smtp::ClientStep step, Progress& progress);

  net::Awaitable<bool> write(std::string_view first, std::string_view second = {});
  net::Awaitable<bool> read_reply(smtp::ClientStep step);
  bool take_reply(smtp::ClientStep step);
  net::Awaitable<bool> fill(smtp::ClientStep step);
  net::Awaitable<void> closing_words(net::error_code ec);
  bool take_refusal();
  smtp::ClientStep next_step() const;
  void fail(Failure failure);

  net::Executor executor_;
  const Plan& plan_;
  Sources& sources_;
  const std::shared_ptr<tls::SessionCache> sessions_;
  Figures& figures_;
  std::unique_ptr<tls::Stream> stream_;
  std::unique_ptr<smtp::ClientDialogue> dialogue_;  ///< until it is open
  smtp::Capabilities offered_;
  smtp::ReplyParser parser_;
  smtp::Reply reply_;  ///< the last that was read
  Failure failure_;
  std::string out_;
  std::string head_;  ///< of the letter
  /// Commands of the letter, and where each ends in out_.
  std::vector<std::pair<smtp::ClientStep, std::size_t>> commands_;
  std::size_t answered_ = 0;  ///< of commands_
  std::string_view unread_;   ///< of input_
  std::uint64_t letters_ = 0;
  bool must_reset_ = false;       ///< the server may have a transaction open
  std::array<char, 1024> input_;  // NOLINT: filled before it is read
};

}  // namespace postern::load
