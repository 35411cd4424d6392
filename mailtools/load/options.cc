// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/options.h"

#include "base/endpoint_text.h"
#include "base/host_name.h"
#include "smtp/address.h"

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace postern::load {
namespace {

constexpr std::uint64_t kMostSessions = 100'000;
constexpr std::uint64_t kMostThreads = 256;
constexpr std::uint64_t kMostRecipients = 10'000;
constexpr std::uint64_t kLargestLetter = std::uint64_t{1} << 30;
constexpr double kHighestRate = 1e7;
constexpr std::size_t kMostSources = 4096;

/// The first thing that is wrong, with its option's name in front.
class Problem {
 public:
  template <class T>
  T take(std::string_view option, Read<T> read) {
    if (read) return std::move(*read);
    say(fmt::format("{}: {}", option, read.error()));
    return T{};
  }
  void demand(bool holds, std::string_view text) {
    if (!holds) say(std::string(text));
  }
  void say(std::string text) {
    if (!text_) text_ = std::move(text);
  }
  const std::optional<std::string>& text() const { return text_; }

 private:
  std::optional<std::string> text_;
};

std::string own_name() {
  std::string name = host_name();
  return smtp::is_valid_helo_domain(name) ? name : "localhost";
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 32 && c < 127; });
}

bool has_port(std::string_view server) {
  const std::size_t colon = server.rfind(':');
  return colon != std::string_view::npos && server.find(':') == colon;
}

void read_pace(const Typed& typed, Options& out, Problem& problem) {
  const bool open = typed.rate != 0;
  problem.demand(open != (typed.sessions != 0),
                 "write either --rate N (letters a second, however slow the answers are) or "
                 "--sessions N (each sends the next when the last is answered)");
  problem.demand(typed.rate >= 0 && typed.rate <= kHighestRate,
                 "--rate: write letters a second, more than 0 and at most 10000000");
  problem.demand(typed.sessions <= kMostSessions && typed.max_sessions <= kMostSessions &&
                     typed.idle <= kMostSessions && typed.slow <= kMostSessions,
                 "--sessions, --max-sessions, --idle and --slow: at most 100000 each");
  problem.demand(typed.max_sessions > 0, "--max-sessions: write a number of at least 1");
  problem.demand(!open || typed.max_sessions >= typed.threads,
                 "--max-sessions: write at least as many as --threads, each has one or more");
  problem.demand(typed.messages != 0 || !typed.duration.empty(),
                 "write when it ends: --duration 30s or --messages N");
  problem.demand(typed.arrivals == "constant" || typed.arrivals == "poisson",
                 "--arrivals: write constant or poisson");
  problem.demand(typed.threads >= 1 && typed.threads <= kMostThreads,
                 "--threads: write a number between 1 and 256");
  out.rate = typed.rate;
  out.sessions = typed.sessions;
  out.max_sessions = typed.max_sessions;
  out.idle = typed.idle;
  out.slow = typed.slow;
  out.messages = typed.messages;
  out.threads = typed.threads;
  out.arrivals = typed.arrivals == "poisson" ? ArrivalKind::poisson : ArrivalKind::constant;
  if (!typed.duration.empty()) {
    out.duration = problem.take("--duration", read_duration(typed.duration));
  }
  out.timeout = problem.take("--timeout", read_duration(typed.timeout));
  const bool digits =
      !typed.warm_up.empty() && std::all_of(typed.warm_up.begin(), typed.warm_up.end(), [](char c) {
        return c >= '0' && c <= '9';
      });
  if (digits) {
    out.warm_up_messages = problem.take("--warm-up", read_size(typed.warm_up));
  } else if (!typed.warm_up.empty()) {
    out.warm_up = problem.take("--warm-up", read_duration(typed.warm_up));
  }
}

void read_letters(const Typed& typed, Options& out, Problem& problem) {
  out.size = problem.take("--size", read_size_mix(typed.size));
  problem.demand(out.size.largest() <= kLargestLetter, "--size: at most 1G a letter");
  out.recipients = problem.take("--recipients", read_count_mix(typed.recipients, kMostRecipients));
  out.from = problem.take("--from", Template::read(typed.from));
  out.to = problem.take("--to", Template::read(typed.to));
  out.users = typed.users;
  problem.demand(typed.users >= 1, "--users: write a number of at least 1");
  problem.demand(typed.from.empty() || smtp::Mailbox::parse(out.from.with(1)).has_value(),
                 "--from: write an address such as load@example.com; \"\" is the null sender");
  problem.demand(smtp::Mailbox::parse(out.to.with(1)).has_value(),
                 "--to: write an address such as user%n@example.net");
  problem.demand(is_ascii(typed.from) && is_ascii(typed.to),
                 "--from and --to: write addresses in ASCII, SMTPUTF8 is not used here");
  const bool several = out.recipients.largest() > 1;
  problem.demand(!several || out.to.has_number(),
                 "--recipients: write %n in --to, so that they differ (user%n@example.net)");
  problem.demand(!several || out.recipients.largest() <= typed.users,
                 "--users: write at least as many as the recipients of one letter");
  out.helo = typed.helo.empty() ? own_name() : typed.helo;
  problem.demand(smtp::is_valid_helo_domain(out.helo), "--helo: write a host's name");
  out.reuse = typed.reuse;
  out.bdat = typed.bdat;
  out.pipelining = !typed.no_pipelining;
  if (!typed.chunk_size.empty()) {
    out.chunk_size = problem.take("--chunk-size", read_size(typed.chunk_size));
    problem.demand(typed.bdat, "--chunk-size is of use with --bdat alone");
  }
  problem.demand(!typed.bdat || typed.slow == 0, "--slow: leave --bdat out, it drips behind DATA");
}

void read_connection(const Typed& typed, Options& out, Problem& problem) {
  out.server = typed.server;
  problem.demand(!typed.server.empty() && !has_port(typed.server),
                 "--server: write a name or an address alone, and the port as --port");
  problem.demand(typed.port >= 1 && typed.port <= 65535, "--port: write a number up to 65535");
  out.port = static_cast<std::uint16_t>(typed.port);
  if (typed.tls == "starttls") {
    out.tls = TlsUse::starttls;
  } else if (typed.tls == "on-connect") {
    out.tls = TlsUse::on_connect;
  } else {
    problem.demand(typed.tls == "none", "--tls: write none, starttls or on-connect");
  }
  const bool plain = out.tls == TlsUse::none;
  problem.demand(!plain || (!typed.verify && typed.ca.empty() && !typed.resume),
                 "--tls-verify, --tls-ca and --tls-resume need --tls starttls or on-connect");
  out.verify = typed.verify || !typed.ca.empty();
  out.ca = typed.ca;
  out.resume = typed.resume;
  problem.demand(typed.auth_user.empty() || !typed.auth_password.empty(),
                 "--auth-user: write --auth-password too, or set POSTERN_AUTH_PASSWORD");
  out.auth_user = typed.auth_user;
  out.auth_password = typed.auth_password;
  problem.demand(typed.sources.size() <= kMostSources, "--source: at most 4096 addresses");
  for (const std::string& text : typed.sources) {
    net::error_code ec;
    const auto address = net::asio::ip::make_address(text, ec);
    if (ec) problem.say(fmt::format("--source: \"{}\" is no address of this host", text));
    out.sources.push_back(address);
  }
}

/// "127.0.0.1:2525", "[::1]:2525".
void read_sink(const Typed& typed, Options& out, Problem& problem) {
  out.sink = typed.sink;
  out.sink_wait = problem.take("--sink-wait", read_duration(typed.sink_wait));
  if (typed.sink.empty()) return;
  const std::optional<net::Endpoint> where = parse_endpoint(typed.sink);
  problem.demand(where && where->port() != 0,
                 "--sink: write an address of this host and a port, such as 127.0.0.1:2525");
  if (where) out.sink_endpoint = *where;
}

}  // namespace

Read<Options> read_options(const Typed& typed) {
  Options out;
  Problem problem;
  read_pace(typed, out, problem);
  read_letters(typed, out, problem);
  read_connection(typed, out, problem);
  read_sink(typed, out, problem);
  out.json = typed.json;
  out.plot = typed.plot;
  out.quiet = typed.quiet;
  if (problem.text()) return *problem.text();
  return out;
}

}  // namespace postern::load
