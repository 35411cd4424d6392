// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/send/report.h"

#include <chrono>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace postern::send {

/// A letter as a JSON object in one line: what was said, replies with their enhanced codes, what
/// TLS was, times in milliseconds. docs/send.md has the members.
class JsonRecord final : public Report {
 public:
  explicit JsonRecord(std::ostream& out) : out_(out) {}

  void begin(unsigned long letter) override;
  void end(int status) override;
  void note(std::string_view text) override;
  void complain(std::string_view text) override;
  void on_connecting(const std::string& host, const net::Endpoint& to) override;
  void on_connected(const net::Endpoint& local, const net::Endpoint& remote) override;
  void on_line(std::string_view line, bool tls) override;
  void on_block(std::string_view octets, bool tls) override;
  void on_reply(const talk::Received& received, bool tls) override;
  void on_tls(const talk::TlsFacts& facts) override;
  void on_error(const talk::TalkError& error) override;

 private:
  std::ostream& out_;
  unsigned long letter_ = 0;
  net::TimePoint began_{};
  std::string server_;
  std::string remote_;
  std::string local_;
  std::string tls_;
  std::vector<std::string> dialogue_;
  std::vector<std::string> notes_;
  std::vector<std::string> errors_;
};

/// A JSON string (RFC 8259); octets that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

}  // namespace postern::send
