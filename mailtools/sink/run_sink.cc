// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint_text.h"
#include "base/host_name.h"
#include "mailtools/sink/control.h"
#include "mailtools/sink/keeper.h"
#include "mailtools/sink/letter_text.h"
#include "mailtools/sink/listen.h"
#include "mailtools/sink/output_watch.h"
#include "mailtools/sink/sink_line.h"
#include "smtp/address.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <ostream>
#include <unistd.h>

namespace postern::sink {
namespace {

namespace asio = net::asio;

constexpr int kWrongLine = 2;
constexpr int kCannotListen = 71;
constexpr int kCannotKeep = 73;
constexpr int kNotAllKept = 74;
constexpr std::chrono::seconds kLiveEvery{1};

Result<void, SinkError> read_accounts(const SinkCommand& command, SinkOptions& out) {
  for (const std::string& text : command.auth) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == text.size())
      // What was written may be a password: it is not said again.
      return SinkError{"--auth wants USER:PASSWORD, such as --auth ann:secret"};
    out.accounts.push_back(Account{text.substr(0, colon), text.substr(colon + 1)});
  }
  out.auth_required = command.auth_required;
  if (out.auth_required && out.accounts.empty())
    return SinkError{
        "--auth-required without an account lets nobody in; write --auth USER:PASSWORD"};
  return {};
}

Result<void, SinkError> read_tls(const SinkCommand& command, SinkOptions& out) {
  out.implicit_tls = command.tls_on_connect;
  if (!command.tls_cert.empty()) {
    auto context = tls::Context::server(std::vector<tls::KeyPair>{
        {command.tls_cert, command.tls_key}
    });
    if (!context) return SinkError{context.error().file + ": " + context.error().message};
    out.tls = *context;
  } else if (command.tls || command.tls_on_connect) {
    auto context = self_signed_context(out.hostname);
    if (!context) return context.error();
    out.tls = *context;
  }
  return {};
}

Result<void, SinkError> read_faults(const SinkCommand& command, SinkOptions& out) {
  for (const auto& [kind, spec] : command.faults) {
    Result<Fault, FaultError> fault = parse_fault(kind, spec);
    if (!fault) return SinkError{fmt::format("--{} {}: {}", kind, spec, fault.error().text)};
    out.faults.push_back(*std::move(fault));
  }
  return {};
}

Result<void, SinkError> check_tls_faults(const SinkOptions& options) {
  const auto is_tls_fail = [](const Fault& fault) { return fault.kind == Fault::Kind::tls_fail; };
  if (options.tls || std::none_of(options.faults.begin(), options.faults.end(), is_tls_fail))
    return {};
  return SinkError{
      "--tls-fail without TLS strikes nobody; write --tls too, or --tls-cert and --tls-key"};
}

Result<SinkOptions, SinkError> options_of(const SinkCommand& command) {
  SinkOptions out;
  out.hostname = command.hostname.empty() ? host_name() : command.hostname;
  if (!smtp::is_valid_helo_domain(out.hostname))
    return SinkError{fmt::format(
        "--hostname \"{}\" is no host name; write one such as mx.company.ru", out.hostname)};
  for (const std::string& text : command.listen) {
    const Result<net::Endpoint, SinkError> where = parse_listen(text);
    if (!where) return where.error();
    out.listen.push_back(*where);
  }
  out.threads = command.threads;
  out.max_size = command.max_size;
  out.max_connections = command.max_connections;
  out.max_recipients = command.max_recipients;
  out.seed = command.seed;
  Result<void, SinkError> read = read_accounts(command, out);
  if (read) read = read_faults(command, out);
  if (read) read = read_tls(command, out);
  if (read) read = check_tls_faults(out);
  if (!read) return read.error();
  return out;
}

KeepOptions keeping_of(const SinkCommand& command, const std::string& hostname) {
  KeepOptions out;
  out.maildir = command.maildir;
  out.jsonl = command.jsonl;
  out.content = command.content;
  out.hostname = hostname;
  out.last = !command.control.empty();
  out.lines = command.maildir.empty() && command.jsonl.empty() && !command.count && !command.quiet;
  return out;
}

/// A line that is written over, on a terminal.
net::Awaitable<void> show_live(net::IoContext& context, const Sink& sink, std::ostream& err) {
  net::Timer timer(context.get_executor());
  for (;;) {
    err << '\r' << counts_line(sink.counts()) << std::flush;
    timer.expires_after(kLiveEvery);
    const auto [ec] = co_await timer.async_wait(net::as_result);
    if (ec) co_return;
  }
}

int say(std::ostream& err, const SinkError& error, int status) {
  err << "postern sink: " << error.text << "\n";
  return status;
}

std::string announcement(const Sink& sink) {
  std::string out;
  for (const net::Endpoint& endpoint : sink.endpoints())
    out += "listening on " + endpoint_text(endpoint) + "\n";
  return out;
}

}  // namespace

int run_sink(const SinkCommand& command, std::ostream& out, std::ostream& err) {
  Result<SinkOptions, SinkError> options = options_of(command);
  if (!options) return say(err, options.error(), kWrongLine);
  const std::string hostname = options->hostname;
  // Writing to a pipe that nobody reads any more is an error of the stream, as a full disk is.
  std::signal(SIGPIPE, SIG_IGN);
  // The order: who is told outlives who tells.
  net::IoContext context{1};
  asio::basic_signal_set<net::Executor> signals(context.get_executor(), SIGTERM, SIGINT);
  signals.async_wait([&context](const net::error_code& ec, int) {
    if (!ec) context.stop();
  });
  const auto end = [&context] { asio::post(context, [&context] { context.stop(); }); };
  KeepOptions keeping = keeping_of(command, hostname);
  // Who prints no letters may have a reader for the first lines alone.
  const bool prints_letters = keeping.lines || keeping.jsonl == "-";
  keeping.gone = end;
  auto keeper = Keeper::open(std::move(keeping), out);
  if (!keeper) return say(err, keeper.error(), kCannotKeep);
  if (command.stop_after > 0) (*keeper)->when_counted(command.stop_after, end);
  std::unique_ptr<Control> control;
  if (!command.control.empty()) {
    auto opened = Control::open(context.get_executor(), command.control);
    if (!opened) return say(err, opened.error(), kCannotListen);
    control = *std::move(opened);
  }
  auto sink = Sink::start(*std::move(options), keeper->get());
  if (!sink) return say(err, sink.error(), kCannotListen);
  if (command.jsonl == "-") {
    err << announcement(**sink) << std::flush;
  } else {
    (*keeper)->print(announcement(**sink));
  }
  if (control) control->serve(**sink, **keeper);
  const bool live = command.count && ::isatty(STDERR_FILENO) == 1;
  if (live) asio::co_spawn(context, show_live(context, **sink, err), asio::detached);
  bool unread = false;
  std::optional<OutputWatch> watch;
  if (prints_letters)
    watch.emplace(context.get_executor(), STDOUT_FILENO, [&context, &unread] {
      unread = true;
      context.stop();
    });
  context.run();
  (*sink)->stop();
  if (live) err << '\r';
  if (command.count) (*keeper)->print(counts_line((*sink)->counts()) + "\n");
  const std::string failure = (*keeper)->failure();
  if (!failure.empty())
    return say(err, SinkError{"not all could be kept or printed: " + failure}, kNotAllKept);
  if (unread) return say(err, SinkError{"nobody reads standard output any more"}, kNotAllKept);
  return 0;
}

}  // namespace postern::sink
