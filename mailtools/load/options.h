// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "mailtools/load/grammar.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::load {

enum class TlsUse : std::uint8_t { none, starttls, on_connect };
enum class ArrivalKind : std::uint8_t { constant, poisson };

/// What `postern load` does, read and checked. Constant during a run; any thread may read it.
struct Options {
  Options() = default;

  std::string server = "127.0.0.1";
  std::uint16_t port = 25;

  std::size_t sessions = 0;  ///< closed loop; 0: open loop
  double rate = 0;           ///< open loop, letters a second
  ArrivalKind arrivals = ArrivalKind::constant;
  std::size_t max_sessions = 500;                    ///< open loop
  std::uint64_t messages = 0;                        ///< 0: not limited by number
  std::chrono::nanoseconds duration{0};              ///< 0: not limited by time
  std::chrono::nanoseconds warm_up{0};               ///< what begins in it is not counted
  std::uint64_t warm_up_messages = 0;                ///< the first so many are not counted
  std::chrono::nanoseconds timeout{60'000'000'000};  ///< for each reply, and for a connection
  std::size_t threads = 1;

  Mix size{{{1024, 1}}};
  Mix recipients{{{1, 1}}};
  Template from;
  Template to;
  std::uint64_t users = 1000;  ///< numbers of recipients, from 1 on, then from the beginning again
  std::string helo;

  TlsUse tls = TlsUse::none;
  bool verify = false;
  std::string ca;       ///< PEM file; empty: the system's
  bool resume = false;  ///< TLS sessions
  std::string auth_user;
  std::string auth_password;
  std::uint64_t reuse = 0;  ///< letters a connection; 0: as many as the server takes
  bool bdat = false;
  std::uint64_t chunk_size = 0;  ///< octets of a BDAT chunk; 0: the whole letter
  bool pipelining = true;
  std::vector<net::asio::ip::address> sources;

  std::size_t idle = 0;
  std::size_t slow = 0;

  std::string sink;                                    ///< "ADDRESS:PORT"; empty: none
  net::Endpoint sink_endpoint;                         ///< the same, read
  std::chrono::nanoseconds sink_wait{30'000'000'000};  ///< without an arrival, at the end
  std::string json;                                    ///< file, or "-"; empty: none
  std::string plot;                                    ///< file; empty: none
  bool quiet = false;                                  ///< no progress
};

/// As it stands on the command line.
struct Typed {
  std::string server = "127.0.0.1";
  std::uint64_t port = 25;
  std::uint64_t sessions = 0;
  double rate = 0;
  std::string arrivals = "constant";
  std::uint64_t max_sessions = 500;
  std::uint64_t messages = 0;
  std::string duration;
  std::string warm_up;
  std::string timeout = "60s";
  std::uint64_t threads = 1;
  std::string size = "1K";
  std::string recipients = "1";
  std::string from = "load@example.com";
  std::string to = "user%n@example.net";
  std::uint64_t users = 1000;
  std::string helo;
  std::string tls = "none";
  bool verify = false;
  std::string ca;
  bool resume = false;
  std::string auth_user;
  std::string auth_password;
  std::uint64_t reuse = 0;
  bool bdat = false;
  std::string chunk_size;
  bool no_pipelining = false;
  std::vector<std::string> sources;
  std::uint64_t idle = 0;
  std::uint64_t slow = 0;
  std::string sink;
  std::string sink_wait = "30s";
  std::string json;
  std::string plot;
  bool quiet = false;
};

/// Reads and checks all of it; the error names the option and says what to write. Pure but for the
/// host's own name (`helo`).
Read<Options> read_options(const Typed& typed);

}  // namespace postern::load
