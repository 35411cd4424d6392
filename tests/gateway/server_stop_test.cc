// SPDX-License-Identifier: Apache-2.0
// A stop while the disk is full and one of two next hops has a letter ("auto"): its client, whose
// reply waits, has it before the connection ends.
#include "server_fixture.h"
#include "stored_letters.h"
#include "tests/queue/full_store.h"

#include <gmock/gmock.h>

namespace postern::gateway {
namespace {

using test::At;
using test::ExchangeClient;
using ::testing::StartsWith;

class ServerStopTest : public ServerTest {
 protected:
  ServerStopTest() {
    setup.delivery = "auto";
    setup.spool = std::make_unique<spool::Spool>(
        std::make_unique<queue::FullStore>(std::make_shared<queue::FullDisk>()),
        nullptr,
        spool::Options());
  }

  /// A letter for X and V, and the stop when X has taken it.
  ExchangeClient::Outcome send_and_stop() {
    start();
    ExchangeClient exchange = client();
    ExchangeClient::Outcome outcome;
    std::thread sending([&] {
      outcome = exchange.send("a@corp.com", {"w@company.ru", "u@tech.company.ru"}, kMessage);
    });
    x.wait_for_mails(1);
    v.wait_for_command("MAIL");
    stop();
    sending.join();
    return outcome;
  }
};

TEST_F(ServerStopTest, DoesNotWaitForRoom) {
  v.plan(At::mail, say("451 4.7.0 not yet"));
  EXPECT_THAT(send_and_stop().end, StartsWith("452 4.3.1"));
  join();
}

TEST_F(ServerStopTest, TellsWhoWaitsForADeliveryWhenTheGraceIsOver) {
  setup.grace = std::chrono::seconds(0);
  v.plan(At::mail, hold());
  EXPECT_THAT(send_and_stop().end, StartsWith("452 4.3.1"));
  join();
  v.release();
}

}  // namespace
}  // namespace postern::gateway
