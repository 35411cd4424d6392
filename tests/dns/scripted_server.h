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
/// Of CNAME and PTR records.
std::string cname_data(std::string_view target);
std::string txt_data(const std::vector<std::string>& strings);
std::string tlsa_data(std::uint8_t usage,
                      std::uint8_t selector,
                      std::uint8_t matching,
                      std::string_view octets);
std::string soa_data(std::uint32_t minimum);

struct ScriptedRecord {
  std::uint16_t type = 0;
  std::string data;
  std::uint32_t ttl = 300;
  std::string owner{};  ///< "": the name that was asked for, or what a CNAME before it leads to
};

/// What the server does with a question.
struct Reaction {
  enum class How {
    answer,
    silence,
    garbage,
    truncate_udp,
    wrong_id,        ///< an answer to another query
    wrong_question,  ///< with records, for another name
    no_edns,         ///< FORMERR as long as the query has an OPT record (RFC 6891 section 7)
  };
  How how = How::answer;
  std::uint8_t rcode = 0;  ///< 1: FORMERR, 2: SERVFAIL, 3: NXDOMAIN, 4: NOTIMP, 5: REFUSED
  std::vector<ScriptedRecord> records;
  std::vector<ScriptedRecord> authority;
  bool authentic = false;  ///< AD, for who asks for it
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
  /// The bits of the last query.
  bool asked_ad() const { return asked_ad_; }
  bool asked_do() const { return asked_do_; }

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
  bool asked_ad_ = false;
  bool asked_do_ = false;
};

}  // namespace postern::test
