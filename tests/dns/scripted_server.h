// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/ip/udp.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postern::test {

/// Octets of a record's data (RFC 1035 section 3.3).
std::string mx_data(std::uint16_t preference, std::string_view exchange);
std::string a_data(std::string_view address);
std::string aaaa_data(std::string_view address);
std::string cname_data(std::string_view target);

struct ScriptedRecord {
  std::uint16_t type = 0;
  std::string data;
  std::uint32_t ttl = 300;
};

/// What the server does with a question.
struct Reaction {
  enum class How { answer, silence, garbage, truncate_udp };
  How how = How::answer;
  std::uint8_t rcode = 0;  ///< 2: SERVFAIL, 3: NXDOMAIN, 5: REFUSED
  std::vector<ScriptedRecord> records;
};

/// A DNS server on loopback, UDP and TCP on one port, that answers from a table; NXDOMAIN for what
/// is not in it.
class ScriptedServer {
 public:
  explicit ScriptedServer(net::IoContext& io);
  ScriptedServer(ScriptedServer&&) = delete;

  /// `question`: "MX example.com", as asked() shows it.
  void set(const std::string& question, Reaction reaction) {
    table_[question] = std::move(reaction);
  }
  std::string address() const;
  /// Every question, in order: "MX example.com", with " tcp" behind it when it came by TCP.
  const std::vector<std::string>& asked() const { return asked_; }

 private:
  struct Connection;

  void receive();
  void accept();
  static void serve(const std::shared_ptr<Connection>& connection, ScriptedServer& server);
  /// Empty: no answer.
  std::string answer(std::string_view query, bool tcp);

  using Udp = net::asio::basic_datagram_socket<net::asio::ip::udp, net::Executor>;
  Udp udp_;
  net::Acceptor tcp_;
  net::asio::ip::udp::endpoint peer_;
  std::array<char, 4096> buffer_{};
  std::map<std::string, Reaction> table_;
  std::vector<std::string> asked_;
};

}  // namespace postern::test
