// SPDX-License-Identifier: Apache-2.0
#include "mta_sts/policy_fetch.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace postern::mta_sts {
namespace {

using namespace std::chrono_literals;
using Kind = Verdict::Kind;

constexpr std::string_view kPath = "/.well-known/mta-sts.txt";
/// RFC 8461 section 3.3 asks for five minutes behind a failed fetch.
constexpr std::chrono::seconds kBehindFailure = 5min;
constexpr std::chrono::seconds kBehindDnsFailure = 1min;
/// TTLs of TXT records are kept to these: one of 0 must not mean a look-up a letter.
constexpr std::chrono::seconds kLeastPause = 1min;
constexpr std::chrono::seconds kMostPause = 1h;
constexpr std::chrono::hours kDay{24};
constexpr int kOk = 200;

Verdict failed(Kind kind, std::string detail) {
  return Verdict{kind, {}, {}, std::move(detail)};
}

/// "text/plain", whatever its parameters (RFC 8461 section 3.2).
bool is_plain_text(std::string_view type) {
  std::string media(type.substr(0, type.find(';')));
  while (!media.empty() && (media.back() == ' ' || media.back() == '\t'))
    media.pop_back();
  std::transform(media.begin(), media.end(), media.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return media == "text/plain";
}

net::Awaitable<Result<Policy, Verdict>> fetch(std::string domain, FetchTools tools) {
  HttpsRequest request;
  request.host = "mta-sts." + domain;
  request.path = kPath;
  request.port = tools.port;
  dns::AddressAnswer addresses = co_await tools.resolver->addresses(request.host);
  if (addresses.addresses.empty()) {
    co_return failed(
        Kind::unreachable,
        fmt::format("no address of {}: {}", request.host, dns::status_text(addresses.status)));
  }
  request.addresses = std::move(addresses.addresses);
  const HttpsAnswer answer = co_await tools.https->ask(std::move(request));
  co_return policy_of(answer);
}

}  // namespace

bool is_half_over(const StoredPolicy& stored, WallTime now) {
  const std::chrono::seconds half = stored.policy.max_age / 2;
  return now >= stored.fetched + std::min<std::chrono::seconds>(half, kDay);
}

Result<Policy, Verdict> policy_of(const HttpsAnswer& answer) {
  const auto because = [&](Kind kind, std::string_view what) {
    return failed(kind, fmt::format("the policy cannot be fetched: {}", printable(what)));
  };
  if (answer.failure == HttpsAnswer::Failure::untrusted)
    return because(Kind::untrusted, answer.detail);
  if (answer.failure == HttpsAnswer::Failure::too_long)
    return failed(Kind::invalid, "the policy is longer than 64 KiB");
  if (answer.failure != HttpsAnswer::Failure::none)
    return because(Kind::unreachable, answer.detail);
  if (answer.status != kOk)
    return because(Kind::unreachable, fmt::format("HTTP status {}", answer.status));
  if (!is_plain_text(answer.content_type))
    return failed(
        Kind::invalid,
        fmt::format("the policy is \"{}\", not text/plain", printable(answer.content_type)));
  Result<Policy, std::string> policy = parse_policy(answer.body);
  if (!policy) return failed(Kind::invalid, "no valid policy: " + policy.error());
  return *std::move(policy);
}

net::Awaitable<Looked> look(std::string domain,
                            std::optional<StoredPolicy> before,
                            FetchTools tools) {
  Looked looked;
  const dns::TextAnswer record = co_await tools.resolver->txt("_mta-sts." + domain);
  if (dns::is_transient(record.status)) {
    looked.otherwise.detail = fmt::format("DNS: {}", dns::status_text(record.status));
    looked.pause = kBehindDnsFailure;
    co_return looked;
  }
  const std::optional<std::string> id = announced_id(record.texts);
  if (!id) co_return looked;
  looked.pause = std::clamp<std::chrono::seconds>(record.ttl, kLeastPause, kMostPause);
  const WallTime now = tools.now();
  if (before && before->id == *id && before->ends() > now && !is_half_over(*before, now)) {
    looked.outcome = Looked::Outcome::unchanged;
    co_return looked;
  }
  const Result<Policy, Verdict> fetched = co_await fetch(domain, tools);
  if (!fetched) {
    looked.otherwise = fetched.error();
    looked.pause = kBehindFailure;
    co_return looked;
  }
  looked.outcome = Looked::Outcome::fetched;
  looked.stored =
      StoredPolicy{*fetched, *id, std::chrono::floor<std::chrono::seconds>(tools.now())};
  co_return looked;
}

}  // namespace postern::mta_sts
