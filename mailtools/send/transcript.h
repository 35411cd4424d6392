// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/send/options.h"
#include "mailtools/send/report.h"

#include <ostream>
#include <string>
#include <string_view>

namespace postern::send {

/// The dialogue as swaks prints it, line by line as it happens. Control characters are escaped: a
/// server does not write on the terminal.
class Transcript final : public Report {
 public:
  /// Errors of this side go to `err`. Both outlive it.
  Transcript(const OutputOptions& options, std::ostream& out, std::ostream& err, bool colour);

  void begin(unsigned long letter) override;
  void note(std::string_view text) override;
  void complain(std::string_view text) override;
  void on_connecting(const std::string& host, const net::Endpoint& to) override;
  void on_connected(const net::Endpoint& local, const net::Endpoint& remote) override;
  void on_line(std::string_view line, bool tls) override;
  void on_block(std::string_view octets, bool tls) override;
  void on_reply(const talk::Received& received, bool tls) override;
  void on_tls(const talk::TlsFacts& facts) override;
  void on_error(const talk::TalkError& error) override;
  void on_closed() override;

 private:
  enum class Kind : std::uint8_t { info, error, sent, received, unexpected, raw };

  bool is_shown(Kind kind);
  void print(Kind kind, std::string_view hint, std::string_view text);
  void print_raw(std::string_view hint, std::string_view octets);

  const OutputOptions options_;
  std::ostream& out_;
  std::ostream& err_;
  const bool colour_;
  bool seen_error_ = false;
  std::string host_;
};

/// `text` fit for a terminal: control characters as \r, \0, \x1b and so on; tabs stay.
std::string escaped(std::string_view text);

}  // namespace postern::send
