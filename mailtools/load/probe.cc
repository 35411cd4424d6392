// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/probe.h"

#include "base/endpoint_text.h"
#include "mailtools/load/link.h"
#include "tls/session_cache.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include <exception>
#include <memory>
#include <sys/resource.h>
#include <vector>

namespace postern::load {
namespace asio = net::asio;
namespace {

std::string in_words(const Failure& failure) {
  const std::string why = failure.reply.code() != 0 ? failure.reply.line() : failure.detail;
  return fmt::format("{} ({})", why, name_of(failure.step));
}

/// "": it can be used as the plan wants it.
std::string missing(const Plan& plan, const smtp::Capabilities& offered) {
  if (plan.options.bdat && !offered.chunking) {
    return "it does not offer CHUNKING; leave --bdat out";
  }
  const std::uint64_t largest = plan.options.size.largest();
  if (offered.max_size && *offered.max_size > 0 && largest > *offered.max_size) {
    return fmt::format("it takes letters up to {} octets; write a smaller --size",
                       *offered.max_size);
  }
  return {};
}

net::Awaitable<void> try_one(net::Executor executor, const Plan* plan, std::string* problem) {
  const std::vector<asio::ip::address>& addresses = plan->options.sources;
  Sources sources(addresses);
  Figures figures;
  const auto cache = std::make_shared<tls::SessionCache>();
  Link link(executor, *plan, sources, cache, figures);
  const bool opened = co_await link.open();
  *problem = opened ? missing(*plan, link.offered()) : in_words(link.failure());
  co_await link.quit();
}

std::vector<net::Endpoint> addresses_of(const Options& options, std::string& problem) {
  net::IoContext context{1};
  asio::ip::tcp::resolver resolver(context);
  net::error_code ec;
  const auto found = resolver.resolve(options.server, std::to_string(options.port), ec);
  std::vector<net::Endpoint> out;
  if (ec) problem = fmt::format("{}: {}", options.server, ec.message());
  for (const auto& entry : found)
    out.push_back(entry.endpoint());
  return out;
}

}  // namespace

std::string probe(Plan& plan) {
  std::string problem;
  for (const net::Endpoint& endpoint : addresses_of(plan.options, problem)) {
    plan.server = endpoint;
    problem.clear();
    net::IoContext context{1};
    asio::co_spawn(context,
                   try_one(context.get_executor(), &plan, &problem),
                   [](const std::exception_ptr& defect) {
                     if (defect) std::rethrow_exception(defect);
                   });
    context.run();
    if (problem.empty()) return {};
    problem = fmt::format("{} cannot be used: {}", endpoint_text(endpoint), problem);
  }
  return problem;
}

std::string make_room(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  // A sink has sessions too, as many as the gateway before it likes.
  limit.rlim_cur = limit.rlim_max;
  [[maybe_unused]] const int done = ::setrlimit(RLIMIT_NOFILE, &limit);
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return {};
  return fmt::format(
      "so many sessions need {} file descriptors, and the limit is {}; raise it (ulimit -Hn {}, "
      "LimitNOFILE) or write fewer",
      wanted,
      limit.rlim_cur,
      wanted);
}

}  // namespace postern::load
