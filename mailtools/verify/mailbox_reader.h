// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/verify/arrival.h"
#include "mailtools/verify/plan.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postern::verify {

/// Looks into one mailbox over IMAP (libcurl, RFC 9051) for what arrives while it lives. Blocks, at
/// most half a minute for one question. Letters that are not of the run are left as they were,
/// unread. One thread.
class MailboxReader {
 public:
  /// `mailbox` outlives it. `run`: the beginning of all tokens; `gateway`: its hostname.
  MailboxReader(const Mailbox& mailbox, std::string run, std::string gateway);
  ~MailboxReader();
  MailboxReader(MailboxReader&&) noexcept;

  /// Logs in and notes what is there already. An error is one sentence: the server's or libcurl's.
  std::optional<std::string> open();
  /// Looks for what is new; `arrivals()` has it afterwards.
  std::optional<std::string> look();
  /// Everything of the run that has been seen.
  std::vector<Arrival> arrivals() const;
  /// Another folder than those that are looked into that has the letter, such as the one for spam.
  /// At most forty are asked.
  std::optional<std::string> find_elsewhere(const std::string& token);
  /// Deletes what has been seen of the run; a server without UIDPLUS (RFC 4315) only marks it.
  std::optional<std::string> remove();

  const Mailbox& mailbox() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern::verify
