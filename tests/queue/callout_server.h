// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postern::test {

/// A mailbox server on loopback that answers as a table says, and keeps every read as it came, so
/// that what was one write can be seen. A thread for accepting and one a connection; all functions
/// may be called by any thread. Waits end after 30 s with an exception.
class CalloutServer {
 public:
  /// `port`: 0 for a free one. `replies`: `to_rcpt` from the first connection on.
  explicit CalloutServer(std::uint16_t port = 0, std::map<std::string, std::string> replies = {});
  ~CalloutServer();
  CalloutServer(CalloutServer&&) = delete;

  std::uint16_t port() const { return port_; }

  // To be set before anybody connects, or while nobody asks.
  std::string greeting = "220 vk.company.ru ESMTP";
  std::string ehlo = "250-vk.company.ru\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME";
  std::string to_mail = "250 2.1.0 ok";
  std::string to_rset = "250 2.0.0 ok";
  std::map<std::string, std::string> to_rcpt;  ///< by local part, as it came
  std::string otherwise = "550 5.1.1 no such user";
  std::size_t most_recipients = 1000;  ///< then 452 4.5.3
  std::size_t close_after = 0;         ///< commands of a connection, then it is closed; 0: never

  /// Greetings wait from now on, until release().
  void hold();
  void release();
  /// Replies to RCPT do; the commands are read.
  void hold_rcpt();

  std::vector<std::string> reads() const;  ///< of all connections, without EHLO and QUIT
  std::vector<std::string> commands() const;
  std::size_t count(const std::string& verb) const;
  std::size_t connections() const;
  void wait_for_command(const std::string& verb, std::size_t times = 1);

 private:
  struct Connection {
    int socket = -1;
    std::thread thread;
  };

  void accept_all();
  void serve(int socket);
  /// What is said to one line; "" ends the connection.
  std::string reply(const std::string& line, std::size_t& recipients);
  void wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& until);

  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Below: under mutex_.
  std::list<Connection> connections_;
  std::vector<std::string> reads_;
  std::vector<std::string> commands_;
  bool held_ = false;
  bool rcpt_held_ = false;
  bool stopping_ = false;
  std::thread acceptor_;
};

}  // namespace postern::test
