// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/exchange_server.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::test {

/// One connection to an ExchangeServer, on its own thread.
class ExchangeSession {
 public:
  ExchangeSession(ExchangeServer& server, ExchangeServer::Session& session, std::size_t number);
  void run();

 private:
  enum class Go : std::uint8_t { on, end };
  enum class Turn : std::uint8_t {
    usual,     ///< nothing planned: say what is usual
    replaced,  ///< the planned reply was said
    end,
  };

  bool greet();
  Go command(const std::string& line);
  Go on_ehlo(const std::string& line, bool extended);
  Go on_starttls();
  Go on_mail(const std::string& line);
  Go on_rcpt(const std::string& line);
  Go on_data();
  Go on_bdat(const std::string& line);
  Go end_of_message(At at);
  Go take_message();
  /// Keeps the message; gives its number.
  std::size_t store();
  Go say(At at, std::string_view usual);
  Go say(std::string_view reply);
  Turn misbehave(At at);
  std::string recipient_verdict(const std::string& line) const;
  std::string message_verdict() const;
  std::string capabilities() const;
  bool has(std::string_view capability) const;

  ExchangeServer& server_;
  ExchangeServer::Session& session_;
  Wire& wire_;
  const ExchangeHabits& habits_;
  const std::size_t number_;
  std::string helo_;
  Mail mail_;
  bool in_transaction_ = false;
  bool chunks_refused_ = false;
};

}  // namespace postern::test
