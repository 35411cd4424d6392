// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace postern::test {

/// How an Exchange server (2013 to SE) behaves towards its peers, as documented by Microsoft and
/// seen in captures; mail-flow, "What Exchange does to its peers". Every habit can be changed.
struct ExchangeHabits {
  std::string hostname = "EX01.company.ru";
  std::string address = "127.0.0.1";  ///< to listen at; IPv6 too
  std::uint16_t port = 0;             ///< 0: the system chooses; else one of free_port()
  bool knows_ehlo = true;
  bool offers_starttls = true;
  std::string certificate;  ///< PEM files; empty: self-signed, for `hostname`
  std::string key;
  bool breaks_resumption = false;  ///< a handshake that offers an old session fails
  bool breaks_handshake = false;   ///< says 220 to STARTTLS and then something that is not TLS
  /// Offered besides STARTTLS, in this order.
  std::vector<std::string> capabilities = {"SIZE 37748736",
                                           "PIPELINING",
                                           "DSN",
                                           "ENHANCEDSTATUSCODES",
                                           "X-ANONYMOUSTLS",
                                           "AUTH NTLM",
                                           "X-EXPS GSSAPI NTLM",
                                           "8BITMIME",
                                           "BINARYMIME",
                                           "CHUNKING",
                                           "XRDST"};
  std::uint64_t max_octets = 37748736;
  unsigned connections_per_source = 20;  ///< then 421 4.3.2
  std::size_t recipients = 200;          ///< then 452 4.5.3
  std::size_t max_hops = 30;             ///< Received fields, then 554 5.4.6
  std::chrono::minutes session{10};      ///< cut even when busy; on the clock of advance()
  std::chrono::minutes idle{5};
  bool relay_right = false;  ///< else other domains are 550 5.7.1 Unable to relay
  std::set<std::string> domains = {"company.ru"};
  std::set<std::string> unknown;  ///< addresses of `domains` without a mailbox: 550 5.1.10

  void withdraw(const std::string& capability);
};

/// Where a fault happens: instead of, or before, what would be said there.
enum class At : std::uint8_t {
  connect,
  ehlo,
  helo,
  starttls,
  mail,
  rcpt,
  data,     ///< instead of 354
  content,  ///< when the first octets of DATA are there
  end_of_data,
  chunk,
  last_chunk,
  rset,
  quit,
};

struct Fault {
  enum class Kind : std::uint8_t {
    close,  ///< closes without a word; at the end of a message: it was taken (lost 250)
    reset,  ///< the same with a TCP reset
    say,    ///< `reply` in place of the usual one; the session goes on
    say_and_close,
    hold,  ///< waits for release(), then goes on as usual: slow MAIL under back-pressure
  };
  Kind kind = Kind::close;
  std::string reply;   ///< without CRLF
  unsigned skip = 0;   ///< so many occasions pass before
  unsigned times = 1;  ///< then the fault happens so often
};

/// One message that was taken.
struct Mail {
  std::size_t session = 0;  ///< number of the connection, from 0
  std::string helo;
  bool tls = false;
  bool tls_resumed = false;
  std::string mail;                 ///< the command as it came
  std::vector<std::string> rcpt;    ///< those that were accepted, as they came
  std::string octets;               ///< dots removed
  std::vector<std::size_t> chunks;  ///< sizes of BDATs; empty: DATA
};

}  // namespace postern::test
