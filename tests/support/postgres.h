// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace postern::test {

/// A real PostgreSQL of the test's own: a cluster in a temporary folder, a Unix socket in it, and a
/// port of 127.0.0.1. Started by root it runs as the account that Debian's package makes, since
/// PostgreSQL wants no root. Superuser "postern", password "right". Every wait ends after 60 s with
/// an exception that holds the server's log; programs that are missing are one too. One thread.
class Postgres {
 public:
  Postgres();
  ~Postgres();
  Postgres(Postgres&&) = delete;

  void start();
  /// Ends all sessions (57P01) and the server.
  void stop();
  /// Stops the server's processes, as a hung machine would; they answer nothing until thaw().
  void freeze();
  void thaw();

  /// Runs SQL as the superuser by psql; gives what it prints, without the last line end.
  std::string run(const std::string& sql);

  /// "postgresql://postern@127.0.0.1:PORT/postgres"
  std::string url() const;
  /// "host=FOLDER port=PORT user=postern dbname=postgres": the Unix socket.
  std::string local() const;
  std::string password() const { return "right"; }
  std::uint16_t port() const { return port_; }
  std::string log() const;

 private:
  void watch_log(int input);
  void signal_all(int signal) const;

  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t server_ = -1;
  std::thread reader_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Below: under mutex_.
  std::string log_;
  bool ready_ = false;
  bool ended_ = false;
};

}  // namespace postern::test
