// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace postern::gateway {

/// Everything that is known about one recipient of one letter when its fate is settled: the log's
/// one line.
struct LetterRecord {
  std::string_view session;
  std::string_view letter;
  std::string client;          ///< address
  std::string client_name;     ///< that DNS confirms; empty: none, or nobody has asked
  std::string proxy;           ///< of the balancer before it; empty: none
  std::string_view forwarded;  ///< what XFORWARD said; empty: nothing
  std::string_view listener;
  std::string_view identity;       ///< empty: not authenticated
  std::string_view sender;         ///< without brackets; empty: the null sender
  std::string_view recipient;      ///< as it came
  std::string_view copy;           ///< "dual", "journal": a copy that the gateway makes; else empty
  std::string_view recipient_out;  ///< as it went; empty: nowhere
  std::uint64_t octets = 0;        ///< of the message as received; 0: refused before it came
  std::string_view decision;       ///< "route", "reject", "defer", "discard"
  std::string_view stage;          ///< the one that decided
  std::string_view reason;
  std::string_view told;       ///< Decision::told(), the recipient's wave; empty: nothing
  std::string next_hop;        ///< name, or mx:DOMAIN; empty: none
  std::string_view host;       ///< the server that answered; empty: none did
  std::string tls;             ///< describe() of letter_parts.h; empty: plain
  std::string reply;           ///< what the client was told
  std::string_view outcome;    ///< "delivered", "refused", "deferred", "discarded", "abandoned"; of
                               ///< a stored letter also "queued", "bounced", "failed"
  unsigned attempts = 0;       ///< of a stored letter, so far
  std::string next_try;        ///< a date; empty: none
  unsigned forged_traces = 0;  ///< R13: trace fields that did not verify
  std::chrono::microseconds took{0};  ///< from MAIL, or the end of a stored letter, until now
};

/// What a session refused or why it ended, where no letter tells it.
struct SessionRecord {
  std::string_view session;
  std::string client;  ///< address
  std::string proxy;   ///< of the balancer before it; empty: none
  std::string_view listener;
  std::string_view identity;  ///< empty: not authenticated
  std::string_view
      event;  ///< "refused", "ended", "login", "login_failed", "proxied", "xclient", "forwarded"
  std::string_view command;  ///< as the client said it, of a login the mechanism; empty: none
  std::string_view letter;   ///< of "forwarded", the letter's id; empty: none
  std::string account;       ///< of a login, printable; empty: not said
  std::string_view outcome;  ///< of a login, for metrics: a word of docs/metrics.md
  std::string_view why;
};

/// "letter id=... to=<...> ...": key=value, values with spaces quoted, control characters escaped.
std::string format_text(const LetterRecord& record);
/// The same as one JSON object.
std::string format_json(const LetterRecord& record);
std::string format_text(const SessionRecord& record);
std::string format_json(const SessionRecord& record);

enum class LogFormat : std::uint8_t { text, json };

/// The letter log: one line a letter and recipient. Thread-safe; writing is another thread's work.
class LetterLog {
 public:
  LetterLog(std::shared_ptr<spdlog::logger> logger, LogFormat format);
  void write(const LetterRecord& record) const;
  void write(const SessionRecord& record) const;

 private:
  std::shared_ptr<spdlog::logger> logger_;
  LogFormat format_;
};

}  // namespace postern::gateway
