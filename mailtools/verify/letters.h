// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/verify/mailbox_reader.h"
#include "mailtools/verify/scenario.h"
#include "mailtools/verify/smtp_session.h"
#include "mailtools/verify/verify_run.h"

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

namespace postern::verify {

class HeldSignals;

/// The letters of one run: sent, looked for, judged, deleted. Blocks. One thread.
class Letters {
 public:
  /// All outlive it; of `scenarios` those that are chosen.
  Letters(const Plan& plan, const gateway::Config& config, const VerifyOptions& options);

  /// Logs in at the mailboxes, hands the letters in, waits, deletes, and judges. SIGINT and SIGTERM
  /// end the waiting: letters are deleted all the same, and what had not come was not tested.
  std::vector<Row> run(std::ostream& err);

  /// A server or mailbox was reached.
  bool reached() const { return reached_; }
  const std::string& run_token() const { return run_; }
  bool sent_any() const { return sent_any_; }
  /// A letter was to be sent.
  bool tried() const { return tried_; }
  /// SIGINT or SIGTERM has ended the sending or waiting.
  bool interrupted() const { return interrupted_; }
  /// Mailboxes whose letters could not be deleted, or not be looked for, and letters that had to be
  /// refused, were taken, and did not come anywhere that is looked into: sentences.
  const std::vector<std::string>& left_over() const { return left_over_; }

 private:
  struct Sent {
    Scenario scenario;
    std::string token;
    std::string door;
    Handed handed;
  };

  void ask_stranger();
  void open_mailboxes();
  void send(const HeldSignals& signals);
  void wait(const HeldSignals& signals, std::ostream& err);
  Row row(const Sent& one) const;
  void look();
  std::size_t complete() const;
  void look_elsewhere(std::chrono::steady_clock::time_point end);
  std::vector<Wanted> places_of(const Sent& one) const;
  bool is_meant(std::size_t mailbox) const;
  void name_astray();
  void remove();

  const Plan& plan_;
  const gateway::Config& config_;
  const VerifyOptions& options_;
  std::string run_;
  std::vector<Sent> letters_;
  std::vector<MailboxReader> readers_;
  std::vector<Watched> watched_;
  std::vector<unsigned> failures_;  ///< looks that failed in a row
  std::vector<std::string> left_over_;
  bool reached_ = false;
  bool sent_any_ = false;
  bool tried_ = false;
  bool interrupted_ = false;
};

}  // namespace postern::verify
