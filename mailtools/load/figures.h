// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "mailtools/load/histogram.h"
#include "smtp/client_step.h"
#include "smtp/reply.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace postern::load {

/// Why a letter, a recipient or a connection failed.
struct Failure {
  enum class Kind : std::uint8_t {
    none,
    refused,          ///< a reply of the server's
    connect_refused,  ///< nothing listens
    unreachable,      ///< no way there, or no local address or port is left
    timed_out,
    closed,       ///< by the server, or reset
    tls,          ///< the handshake, the certificate, or STARTTLS is not offered
    bad_reply,    ///< not SMTP, or out of sequence
    local,        ///< of this machine: no descriptor is left
    interrupted,  ///< the run was ended before
    unsent,       ///< was due, and nothing was free to send it until the run ended
    undelivered,  ///< was taken, and has not come to the sink
  };
  Kind kind = Kind::none;
  smtp::ClientStep step = smtp::ClientStep::connect;
  smtp::Reply reply{};   ///< code 0: there was none
  std::string detail{};  ///< where there was no reply

  explicit operator bool() const { return kind != Kind::none; }
};

/// "connect_refused"; what JSON calls it.
std::string_view name_of(Failure::Kind kind);
/// "rcpt"; what JSON calls it.
std::string_view name_of(smtp::ClientStep step);

/// Failures, counted by what they have in common, each with one example. Bounded: what differs from
/// the first 100 is counted as others of its kind.
class Errors {
 public:
  struct Key {
    Failure::Kind kind = Failure::Kind::none;
    smtp::ClientStep step = smtp::ClientStep::connect;
    int code = 0;
    std::string enhanced;  ///< "4.3.1"; "" where there is none
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Row {
    std::uint64_t count = 0;
    std::string example;  ///< one line, fit for a terminal
  };
  static constexpr std::size_t kMost = 100;

  void add(const Failure& failure, std::uint64_t times = 1);
  void merge(const Errors& other);
  bool empty() const { return rows_.empty(); }
  const std::map<Key, Row>& rows() const { return rows_; }

 private:
  Row& row(Key key, std::string_view example);

  std::map<Key, Row> rows_;
};

/// What a run, or one thread of it, has counted. Only letters that count, but for connections.
struct Figures {
  std::uint64_t sent = 0;      ///< begun
  std::uint64_t accepted = 0;  ///< for one recipient at least
  std::uint64_t failed = 0;
  std::uint64_t unsent = 0;   ///< due, and never begun
  std::uint64_t retried = 0;  ///< begun anew, since the server had closed a kept connection
  std::uint64_t recipients_accepted = 0;
  std::uint64_t recipients_refused = 0;
  std::uint64_t octets = 0;  ///< of letters that were accepted
  std::uint64_t connections = 0;
  std::uint64_t connections_failed = 0;
  std::uint64_t handshakes = 0;
  std::uint64_t resumed = 0;
  std::uint64_t held_lost = 0;    ///< idle and slow sessions that the server ended, and:
  std::uint64_t held_failed = 0;  ///< those of them that never stood
  Errors errors;
  Histogram connect;                   ///< the TCP connection and the greeting
  Histogram tls;                       ///< the handshake
  Histogram rcpt;                      ///< from MAIL to the reply to the last RCPT
  Histogram data;                      ///< from the last octet of the letter to the reply
  Histogram letter;                    ///< from when it was due to the reply to all of it
  std::chrono::nanoseconds behind{0};  ///< the longest between due and begun
  /// When the first letter was due; max(): none was.
  net::TimePoint first_due = net::TimePoint::max();
  net::TimePoint last_end{};  ///< when the last letter was answered

  void merge(const Figures& other);
};

/// What has come to the sink. Only letters that count.
struct Deliveries {
  std::uint64_t letters = 0;     ///< different ones
  std::uint64_t copies = 0;      ///< beyond the first of each: duplicates, or split by recipients
  std::uint64_t recipients = 0;  ///< of all of them
  std::uint64_t strangers = 0;   ///< what is not of this run
  Histogram end_to_end;          ///< from when it was due until the sink had all of it
  net::TimePoint last{};
};

}  // namespace postern::load
