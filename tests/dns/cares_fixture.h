// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/cares_resolver.h"
#include "run.h"
#include "scripted_server.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace postern::test {

constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kCname = 5;
constexpr std::uint16_t kSoa = 6;
constexpr std::uint16_t kPtr = 12;
constexpr std::uint16_t kMx = 15;
constexpr std::uint16_t kTxt = 16;
constexpr std::uint16_t kAaaa = 28;
constexpr std::uint16_t kTlsa = 52;

inline Reaction answer(std::vector<ScriptedRecord> records) {
  Reaction reaction;
  reaction.records = std::move(records);
  return reaction;
}

inline Reaction rcode(std::uint8_t code) {
  Reaction reaction;
  reaction.rcode = code;
  return reaction;
}

inline Reaction reaction(Reaction::How how, std::vector<ScriptedRecord> records = {}) {
  Reaction result = answer(std::move(records));
  result.how = how;
  return result;
}

inline Reaction authentic(std::vector<ScriptedRecord> records) {
  Reaction result = answer(std::move(records));
  result.authentic = true;
  return result;
}

inline ScriptedRecord mx_record(std::uint16_t preference, std::string_view exchange) {
  return {kMx, mx_data(preference, exchange), 300, {}};
}

inline ScriptedRecord a_record(std::string_view address, std::uint32_t ttl = 300) {
  return {kA, a_data(address), ttl, {}};
}

/// A resolver that asks a scripted server.
class CaresFixture : public testing::Test {
 protected:
  CaresFixture() { make(std::chrono::hours(1)); }

  /// Only a test of silence wants a time-out that ends: on a busy machine a short one would repeat
  /// questions.
  void make(std::chrono::milliseconds timeout, std::vector<std::string> servers = {}) {
    dns::Config config;
    config.servers = std::move(servers);
    if (config.servers.empty()) config.servers = {server_.address()};
    config.timeout = timeout;
    config.tries = 2;
    resolver_ = std::make_unique<dns::CaresResolver>(io_.get_executor(), config);
  }
  dns::MxAnswer mx(const std::string& domain) { return run(io_, resolver_->mx(domain)); }
  dns::AddressAnswer addresses(const std::string& host) {
    return run(io_, resolver_->addresses(host));
  }
  static std::vector<std::string> texts(const dns::AddressAnswer& found) {
    std::vector<std::string> out;
    for (const IpAddress& address : found.addresses)
      out.push_back(address.to_string());
    return out;
  }

  net::IoContext io_{1};
  ScriptedServer server_{io_};
  std::unique_ptr<dns::CaresResolver> resolver_;
};

}  // namespace postern::test
