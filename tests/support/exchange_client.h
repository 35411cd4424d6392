// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/wire.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace postern::test {

/// How Exchange's send connector talks; mail-flow, "What Exchange does to its peers".
struct ExchangeClientHabits {
  std::string hostname = "EX01.company.ru";
  bool uses_starttls = true;  ///< where offered; any certificate will do
  bool uses_chunking = true;  ///< BDAT where offered, else DATA
  /// Sizes of the BDATs in turn, the last one again and again. Empty: the whole message as one.
  std::vector<std::size_t> chunks;
  bool ends_with_empty_chunk = false;  ///< BDAT 0 LAST behind the message
  bool pipelines_chunks = true;        ///< does not wait for the reply to one BDAT before the next
  unsigned messages_per_connection = 20;
  bool tries_xexch50 = false;  ///< says XEXCH50 after RCPT, as older versions among themselves do
};

/// The sending half of an Exchange server, for tests of a server: blocking, on the test's thread.
class ExchangeClient {
 public:
  ExchangeClient(std::string ip, std::uint16_t port, ExchangeClientHabits habits = {});
  ~ExchangeClient();

  /// Replies as they came, lines joined by '\n'; "" when the server closed.
  struct Outcome {
    std::string connection;  ///< "" when ready, else the greeting or EHLO that stopped it
    std::string mail;
    std::vector<std::string> rcpt;
    std::string xexch50;
    std::vector<std::string> chunks;  ///< to each BDAT but the last
    std::string end;                  ///< to the message
    bool delivered() const { return end.starts_with("250"); }
  };

  /// One message with SIZE on MAIL; connects, or uses the connection of before.
  Outcome send(const std::string& from,
               const std::vector<std::string>& to,
               const std::string& octets);
  void quit();

  std::size_t connections() const { return connections_; }
  bool is_tls() const { return wire_ && wire_->is_tls(); }
  /// The lines of the last reply to EHLO, without code.
  const std::vector<std::string>& capabilities() const { return capabilities_; }
  bool is_offered(const std::string& capability) const;

 private:
  std::string connect();
  std::string ehlo();
  std::string ask(const std::string& line);
  std::string reply();
  void send_data(const std::string& octets, Outcome& outcome);
  void send_chunks(const std::string& octets, Outcome& outcome);

  std::string ip_;
  std::uint16_t port_;
  ExchangeClientHabits habits_;
  std::unique_ptr<SelfSigned> identity_;
  std::unique_ptr<Wire> wire_;
  std::vector<std::string> capabilities_;
  std::size_t connections_ = 0;
  unsigned messages_ = 0;
};

}  // namespace postern::test
