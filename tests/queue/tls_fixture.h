// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "delivery_fixture.h"
#include "support/test_ca.h"

#include <memory>
#include <string>
#include <vector>

namespace postern::queue {

/// The certificates that a server may show, made once a process. All but `wrong_name` are for
/// mx.company.ru and 127.0.0.1.
struct TlsWorld {
  TlsWorld();
  ~TlsWorld();
  TlsWorld(TlsWorld&&) = delete;
  static const TlsWorld& get();

  std::string folder;
  std::unique_ptr<test::TestCa> ca;     ///< whom `hop.tls_settings.ca` trusts
  std::unique_ptr<test::TestCa> other;  ///< whom nobody does
  test::TestCa::Files good, expired, not_yet, wrong_name, self_signed, untrusted, wildcard, deep;
};

/// Deliveries to servers with such certificates, at mx.company.ru.
class TlsDeliveryTest : public DeliveryTest {
 protected:
  TlsDeliveryTest();

  /// A server that shows this certificate, as a host of `hop` by its name.
  test::ExchangeServer& start(const test::TestCa::Files& shown, test::ExchangeHabits habits = {});
  test::ExchangeServer& start_without(test::ExchangeHabits habits);
  /// "plain", "encrypted, not verified", "verified by chain", or "451 4.7.5".
  static std::string outcome_of(const Delivered& delivered);

  const TlsWorld& world = TlsWorld::get();
  std::vector<std::unique_ptr<test::ExchangeServer>> servers;
};

}  // namespace postern::queue
