// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/send/options.h"
#include "mailtools/send/report.h"
#include "mailtools/talk/conversation.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::send {

/// swaks' exit statuses, and two of ours (docs/send.md).
enum Status : int {
  kDone = 0,
  kWrongWords = 1,
  kNoConnection = 2,
  kClosed = 6,
  kBanner = 21,
  kHello = 22,
  kMail = 23,
  kRcpt = 24,
  kData = 25,
  kContent = 26,
  kQuit = 27,
  kAuth = 28,
  kTls = 29,
  kNotOffered = 30,  ///< swaks: PRDR alone
  kHelloAfterTls = 32,
  kXclient = 33,
  kHelloAfterXclient = 34,
  kProxyWords = 35,
  kProxySent = 36,
  kVulnerable = 40,  ///< a violation did what an attacker wants of it
};

/// One letter over one connection, in swaks' order of steps. Used once, on one thread.
class Transaction {
 public:
  /// All three outlive it. `message`: what compose() made.
  Transaction(const Options& options, const std::string& message, Report& report);
  /// Blocks until it is over. A Status.
  int run();

 private:
  using Answer = talk::Conversation::Answer;

  bool open();
  bool greet();
  bool hello(int status, StopAt at);
  bool start_tls();
  bool handshake();
  bool behind_starttls();
  bool xclient();
  bool log_in();
  bool extensions_are_there();
  bool probe();
  bool envelope();
  bool envelope_by_steps();
  bool envelope_at_once();
  bool recipients_answered(std::size_t count);
  void end_empty_message();
  bool content();
  bool data();
  bool chunks();
  bool content_reply();
  bool leave();

  // transaction_steps.cc
  bool has(Violation violation) const { return options_.violations.contains(violation); }
  bool ended(int status);
  bool lost(const talk::TalkError& error, int status);
  bool is_good(const Answer& answer, int status);
  std::optional<Answer> ask(std::string_view line,
                            StopAt at,
                            talk::Expect expect = talk::Expect::success);
  bool drops_before_reply(StopAt at);
  bool goes_on_after(StopAt at);
  void verdict(Violation violation, const Answer& answer);
  void probe_with(Violation violation, std::string_view line);
  std::string mail_line() const;
  std::string rcpt_line(const std::string& recipient) const;
  std::string path(std::string_view verb, const std::string& address) const;
  std::string smuggled_envelope() const;

  const Options& options_;
  const std::string message_;
  Report& report_;
  std::unique_ptr<talk::Conversation> talk_;
  std::size_t recipients_ = 0;  ///< that were taken
  bool data_asked_ = false;     ///< DATA is on its way already
  int status_ = kDone;
};

}  // namespace postern::send
