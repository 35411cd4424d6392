// SPDX-License-Identifier: Apache-2.0
#include "tls_fixture.h"

#include <filesystem>
#include <stdexcept>
#include <stdlib.h>
#include <utility>

namespace postern::queue {

TlsWorld::TlsWorld() {
  folder = (std::filesystem::temp_directory_path() / "postern-tls-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp");
  ca = std::make_unique<test::TestCa>(folder, "ca");
  other = std::make_unique<test::TestCa>(folder, "other");
  const std::string names = "DNS:mx.company.ru,IP:127.0.0.1";
  good = ca->issue("good", names);
  expired = ca->issue("expired", names, {-7200, -3600});
  not_yet = ca->issue("not_yet", names, {3600, 7200});
  wrong_name = ca->issue("wrong_name", "DNS:mx.other.ru,IP:127.0.0.2");
  self_signed = test::TestCa::self_signed(folder, "self_signed", names);
  untrusted = other->issue("untrusted", names);
  wildcard = ca->issue("wildcard", "DNS:*.company.ru");
  deep = ca->issue("deep", "DNS:*.ru,DNS:m*.company.ru");
}

TlsWorld::~TlsWorld() {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

const TlsWorld& TlsWorld::get() {
  static const TlsWorld world;
  return world;
}

TlsDeliveryTest::TlsDeliveryTest() {
  config.verifying = std::make_shared<tls::ClientContexts>();
  resolver.add_host("mx.company.ru", {"127.0.0.1"});
  hop.tls_settings.ca = world.ca->certificate();
}

test::ExchangeServer& TlsDeliveryTest::start(const test::TestCa::Files& shown,
                                             test::ExchangeHabits habits) {
  habits.certificate = shown.certificate;
  habits.key = shown.key;
  return start_without(std::move(habits));
}

test::ExchangeServer& TlsDeliveryTest::start_without(test::ExchangeHabits habits) {
  servers.push_back(std::make_unique<test::ExchangeServer>(std::move(habits)));
  routing::HostSpec host;
  host.host = "mx.company.ru";
  host.port = servers.back()->port();
  hop.hosts.push_back(host);
  return *servers.back();
}

std::string TlsDeliveryTest::outcome_of(const Delivered& delivered) {
  if (!delivered.final.is_positive()) return status_of(delivered.recipients.at(0));
  if (!delivered.report.tls) return "plain";
  const tls::Info& tls = *delivered.report.tls;
  if (!tls.verified) return "encrypted, not verified";
  return "verified by " + std::string(tls::verified_by_name(tls.verified_by));
}

}  // namespace postern::queue
