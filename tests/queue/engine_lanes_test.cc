// SPDX-License-Identifier: Apache-2.0
// What waits for a next hop that does not answer.
#include "delivery_fixture.h"
#include "queue/engine_impl.h"
#include "routing/pipeline.h"
#include "routing/stage.h"
#include "tls_fixture.h"

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

/// A circuit that TLS has broken, and a letter that says "TLS-Required: No".
class EngineWaivedTest : public TlsDeliveryTest {
 protected:
  EngineWaivedTest() {
    hop.tls = routing::TlsLevel::verify;
    hop.tls_settings.honour_not_required = true;
    EngineOptions options;
    options.routing = [] { return RoutingView(); };
    engine =
        std::make_shared<Engine::Impl>(context.get_executor(), *spool, pool(), std::move(options));
    box = engine->lane(target(), RoutingView());
    for (unsigned i = 0; i < Lane::kTrips; ++i) {
      box->lane.add(spool::MessageId(1), spool::WallTime());
      EXPECT_TRUE(box->lane.next(spool::wall_now()));
      box->lane.finished(LaneOutcome::dead, spool::wall_now(), 0.5);
    }
  }
  GroupResult waived() {
    Result<spool::Draft> draft = spool->begin();
    EXPECT_TRUE(draft);
    spool::Envelope envelope;
    envelope.tls_not_required = true;
    spool::Recipient recipient;
    recipient.address.address = smtp::Mailbox("u", "company.ru");
    recipient.lane = box->lane.name();
    envelope.recipients.push_back(recipient);
    message = spool->commit(std::move(*draft), std::move(envelope), [](std::error_code) {});
    Group group;
    group.target = target();
    group.recipients.resize(1);
    group.recipients[0].decision.recipient_out = recipient.address.address;
    RoutingView view;
    view.pipeline = &pipeline;
    return {box, *message->lease(indices_of(group)), std::move(group), {}, view};
  }

  static routing::Pipeline pipeline_of(routing::Config& config) {
    config.routing.stages.clear();
    routing::StageSources sources;
    sources.config = &config;
    return *routing::Pipeline::build(routing::Registry::builtin(), sources);
  }

  routing::Config routing_config;
  const routing::Pipeline pipeline = pipeline_of(routing_config);
  const std::unique_ptr<spool::Spool> spool = spool::Spool::in_memory();
  std::shared_ptr<Engine::Impl> engine;
  LaneBoxPtr box;
  spool::MessagePtr message;
};

TEST_F(EngineWaivedTest, WhatGoesWithoutTheLevelIsNoWordForTheOthers) {
  start(world.self_signed);
  ASSERT_TRUE(box->lane.is_broken());
  const Lane::Time until = box->lane.blocked_until();
  for (int i = 0; i < 2; ++i) {
    GroupResult job = waived();
    job.turn = Turn::beside;
    box->lane.add(message->id(), spool::WallTime());
    box->lane.try_beside(message->id());
    ASSERT_EQ(box->lane.next_beside(spool::wall_now()), message->id());
    run(engine->deliver(job));
    EXPECT_TRUE(job.attempted.report.tls_waived);
    EXPECT_TRUE(job.attempted.replies.at(0).is_positive()) << job.attempted.replies[0].text();
    EXPECT_TRUE(box->lane.is_broken());
    EXPECT_EQ(box->lane.blocked_until(), until);
  }
}

}  // namespace
}  // namespace postern::queue
