// SPDX-License-Identifier: Apache-2.0
// What waits for a next hop that does not answer.
#include "delivery_fixture.h"
#include "queue/engine_impl.h"

#include <stdexcept>

namespace postern::queue {
namespace {

class EngineLanesTest : public DeliveryTest {};

TEST_F(EngineLanesTest, TheBlockedAreLookedAfterAgainWhenThatFailedOnce) {
  const std::unique_ptr<spool::Spool> spool = spool::Spool::in_memory();
  Result<spool::Draft> draft = spool->begin();
  ASSERT_TRUE(draft);
  spool::Envelope envelope;
  spool::Recipient recipient;
  recipient.address.address = smtp::Mailbox("u", "company.ru");
  recipient.lane = "dead";
  envelope.recipients.push_back(recipient);
  spool::MessagePtr message =
      spool->commit(std::move(*draft), std::move(envelope), [](std::error_code) {});

  EngineOptions options;
  options.routing = []() -> RoutingView { throw std::runtime_error("no view"); };
  const auto engine =
      std::make_shared<Engine::Impl>(context.get_executor(), *spool, pool(), std::move(options));
  LanePolicy policy;
  policy.retry.lifetime = std::chrono::seconds(0);
  const auto box = std::make_shared<LaneBox>(context.get_executor(), "dead", policy);
  box->lane.add(message->id(), spool::WallTime());
  engine->hot[message->id().value()] = std::move(message);

  EXPECT_THROW(run(engine->look_after_the_blocked(box)), std::runtime_error);
  EXPECT_FALSE(box->looked_after);
}

}  // namespace
}  // namespace postern::queue
