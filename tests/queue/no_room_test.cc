// SPDX-License-Identifier: Apache-2.0
// The disk is full, and one of two next hops has the letter already ("auto"): while its client
// waits it gets no second copy.
#include "delivery_fixture.h"
#include "full_store.h"
#include "queue/engine_impl.h"
#include "queue/spool/errors.h"
#include "routing/stage.h"

#include <chrono>
#include <future>

namespace postern::queue {
namespace {

using test::At;
using test::Fault;

Fault says(std::string reply, unsigned times = 1) {
  Fault fault;
  fault.kind = Fault::Kind::say;
  fault.reply = std::move(reply);
  fault.times = times;
  return fault;
}

Fault holds() {
  Fault fault;
  fault.kind = Fault::Kind::hold;
  return fault;
}

class NoRoomTest : public DeliveryTest {
 protected:
  NoRoomTest() {
    add_host(a_);
    hop.name = "a";
    other_ = hop;
    other_.name = "b";
    other_.hosts[0].port = b_.port();
  }
  ~NoRoomTest() override {
    disk_->stands = false;
    disk_->stands.notify_all();
    if (engine_) {
      engine_->stopping = true;
      await([this] { return engine_->jobs == 0; });
    }
    spool_->close();
    context.poll();  // what the spool has told last
    message_.reset();
    engine_.reset();
  }

  void start(std::chrono::seconds longest_wait = std::chrono::hours(1)) {
    EngineOptions options;
    options.routing = [this] { return view(); };
    options.longest_wait = longest_wait;
    engine_ =
        std::make_shared<Engine::Impl>(context.get_executor(), *spool_, pool(), std::move(options));
    engine_->ask_for_room = std::chrono::milliseconds(10);
  }
  /// A letter for `to_` with the null sender, of whom nobody is told anything.
  void send() {
    if (!engine_) start();
    Result<spool::Draft> draft = spool_->begin();
    ASSERT_TRUE(draft);
    const spool::Chunk octets = std::make_shared<const std::string>("Subject: t\r\n\r\nhello\r\n");
    ASSERT_FALSE(run(draft->append(octets)));
    spool::Envelope envelope = envelope_of();
    std::vector<Routed> routed;
    for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
      Routed one;
      one.index = i;
      if (i < to_.size()) {
        one.decision.kind = routing::DecisionKind::route;
        one.decision.target.hops.push_back(to_[i]);
        one.decision.recipient_out = envelope.recipients[i].address.address;
      } else {
        one.decision.reply = smtp::Reply(554, {5, 4, 6}, "it circles"_text);
      }
      routed.push_back(std::move(one));
    }
    reply_ = 0;
    auto accepting = engine_->accept(*std::move(draft),
                                     std::move(envelope),
                                     std::move(routed),
                                     view(),
                                     Promise::stored_or_delivered);
    net::asio::co_spawn(
        context, std::move(accepting), [this](std::exception_ptr error, Accepted accepted) {
          EXPECT_FALSE(error);
          message_ = accepted.message;
          reply_ = accepted.reply.code();
        });
  }
  spool::Envelope envelope_of() const {
    spool::Envelope envelope;
    envelope.received = spool::wall_now();
    for (std::size_t i = 0; i < to_.size() + rejected_; ++i) {
      spool::Recipient recipient;
      recipient.address.address = smtp::Mailbox("u" + std::to_string(i), "company.ru");
      envelope.recipients.push_back(std::move(recipient));
    }
    return envelope;
  }
  RoutingView view() const {
    RoutingView out;
    out.pipeline = &pipeline_;
    return out;
  }
  void await(const std::function<bool()>& until) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!until()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      if (context.stopped()) context.restart();
      context.run_for(std::chrono::milliseconds(5));
    }
  }
  void await_reply() {
    await([this] { return reply_ != 0; });
  }
  /// The server stands where it was told to.
  void await_held(test::ExchangeServer& server) {
    std::future<void> held = std::async(std::launch::async, [&] { server.wait_for_held(1); });
    await([&] { return held.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
    held.get();
  }
  /// The commit has failed, and room was asked for on behalf of a client that waits.
  void await_waiting() {
    // The first answer has come when the disk is asked again.
    const std::size_t before = disk_->refused;
    await([this, before] { return disk_->refused >= before + 2; });
    EXPECT_EQ(reply_, 0);
  }
  /// The same, when "a" has it.
  void await_taken_and_waiting() {
    await([this] { return a_.mails().size() == 1; });
    await_waiting();
  }
  void expect_copies(std::size_t a, std::size_t b) const {
    EXPECT_EQ(a_.mails().size(), a);
    EXPECT_EQ(b_.mails().size(), b);
  }
  /// A letter that nobody takes finds the disk full.
  void find_full() {
    a_.plan(At::mail, says("451 4.7.0 not yet"));
    to_ = {&hop};
    send();
    await_reply();
    EXPECT_EQ(reply_, 452);
    EXPECT_EQ(spool_->stats().health, spool::Health::full);
  }
  static routing::Pipeline pipeline_of(routing::Config& config) {
    config.routing.stages.clear();
    routing::StageSources sources;
    sources.config = &config;
    return *routing::Pipeline::build(routing::Registry::builtin(), sources);
  }

  test::ExchangeServer a_;
  test::ExchangeServer b_;
  routing::NextHop other_;
  std::vector<const routing::NextHop*> to_ = {&hop, &other_};
  std::size_t rejected_ = 0;  ///< recipients that no stage routes
  routing::Config routing_config_;
  const routing::Pipeline pipeline_ = pipeline_of(routing_config_);
  const std::shared_ptr<FullDisk> disk_ = std::make_shared<FullDisk>();
  std::unique_ptr<spool::Spool> spool_ =
      std::make_unique<spool::Spool>(std::make_unique<FullStore>(disk_), nullptr, spool::Options());
  std::shared_ptr<Engine::Impl> engine_;
  spool::MessagePtr message_;
  int reply_ = 0;
};

TEST_F(NoRoomTest, The250ComesWhenTheSlowerNextHopHasItToo) {
  b_.plan(At::last_chunk, holds());
  send();
  await_taken_and_waiting();
  await_held(b_);
  b_.release();
  await_reply();
  EXPECT_EQ(reply_, 250);
  expect_copies(1, 1);
  EXPECT_EQ(spool_->stats().ledger.delivered, 2);
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

TEST_F(NoRoomTest, WhatOneHopHasIsStoredForTheOtherWhenThereIsRoom) {
  b_.plan(At::mail, says("451 4.7.0 not yet"));
  send();
  await_taken_and_waiting();
  disk_->full = false;
  await_reply();
  EXPECT_EQ(reply_, 250);
  expect_copies(1, 0);
  const spool::Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.delivered, 1);
  EXPECT_EQ(ledger.queued, 1);
  EXPECT_TRUE(ledger.balances());
  EXPECT_EQ(message_->stage(), spool::Message::Stage::stored);
}

TEST_F(NoRoomTest, ANextHopThatIsNotTriedIsWaitedForToo) {
  start();
  routing::Target target;
  target.hops.push_back(&other_);
  const LaneBoxPtr box = engine_->lane(target, view());
  for (unsigned i = 0; i < Lane::kTrips; ++i) {
    box->lane.add(spool::MessageId(1), spool::WallTime());
    ASSERT_TRUE(box->lane.next(spool::wall_now()));
    box->lane.finished(LaneOutcome::dead, spool::wall_now(), 0.5);
  }
  send();
  await_taken_and_waiting();
  disk_->full = false;
  await_reply();
  EXPECT_EQ(reply_, 250);
  expect_copies(1, 0);
  EXPECT_EQ(spool_->stats().ledger.queued, 1);
}

TEST_F(NoRoomTest, ARefusalThatCannotBeReportedWaitsForRoom) {
  b_.plan(At::rcpt, says("550 5.1.1 nobody"));
  send();
  await_taken_and_waiting();
  disk_->full = false;
  await_reply();
  EXPECT_EQ(reply_, 250);
  await([this] { return spool_->stats().ledger.failed == 1; });
  expect_copies(1, 0);
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

TEST_F(NoRoomTest, AtLastItsClientComesAgain) {
  b_.plan(At::mail, says("451 4.7.0 not yet"));
  start(std::chrono::seconds(0));
  send();
  await_reply();
  EXPECT_EQ(reply_, 452);
  expect_copies(1, 0);
  EXPECT_EQ(message_->stage(), spool::Message::Stage::gone);
  EXPECT_FALSE(message_->lease_pending());
  disk_->full = false;
  EXPECT_EQ(spool_->stats().ledger.accepted, 0);
}

TEST_F(NoRoomTest, WhatNobodyHasIsRefusedAtOnce) {
  a_.plan(At::mail, says("451 4.7.0 not yet"));
  b_.plan(At::rcpt, says("550 5.1.1 nobody"));
  send();
  await_reply();
  EXPECT_EQ(reply_, 452);
  expect_copies(0, 0);
  EXPECT_EQ(spool_->stats().ledger.accepted, 0);
  // Known to be full: both would take it now, and neither is asked.
  send();
  await_reply();
  EXPECT_EQ(reply_, 452);
  expect_copies(0, 0);
  disk_->full = false;
  send();
  await_reply();
  EXPECT_EQ(reply_, 250);
  await([this] { return a_.mails().size() == 1 && b_.mails().size() == 1; });
}

TEST_F(NoRoomTest, KnownToBeFullItGivesAtOnceOnlyALetterForOne) {
  start(std::chrono::seconds(0));
  find_full();
  send();
  await_reply();
  EXPECT_EQ(reply_, 250);
  expect_copies(1, 0);
  const std::size_t asked = a_.count_commands("MAIL");
  // The other is to be told of, which needs room.
  rejected_ = 1;
  send();
  await_reply();
  EXPECT_EQ(reply_, 452);
  expect_copies(1, 0);
  // The hop might take it for one and not for the other.
  rejected_ = 0;
  to_ = {&hop, &hop};
  send();
  await_reply();
  EXPECT_EQ(reply_, 452);
  expect_copies(1, 0);
  EXPECT_EQ(a_.count_commands("MAIL"), asked);
}

TEST_F(NoRoomTest, NobodyBeginsToDeliverWhatItsClientIsToldToSendAgain) {
  start();
  Result<spool::Draft> draft = spool_->begin();
  ASSERT_TRUE(draft);
  std::promise<std::error_code> told;
  const auto race = std::make_shared<Race>(context.get_executor());
  race->message = spool_->commit(
      *std::move(draft), envelope_of(), [&told](std::error_code error) { told.set_value(error); });
  race->error = told.get_future().get();
  ASSERT_EQ(race->error, make_error_code(spool::Errc::no_space));
  engine_->not_stored(race);
  EXPECT_TRUE(race->decided);
  // What has its turn before accept() goes on finds nothing to do.
  EXPECT_EQ(race->message->lease_pending().error(), make_error_code(spool::Errc::settled));
}

TEST_F(NoRoomTest, ARefusalByAllIsPassedBackAlsoWhenItComesAfterTheCommitFailed) {
  a_.plan(At::rcpt, says("550 5.1.1 nobody"));
  b_.plan(At::mail, holds());
  b_.plan(At::rcpt, says("550 5.1.1 nobody"));
  send();
  await([this] {
    return a_.count_commands("RCPT") == 1 && spool_->stats().health == spool::Health::full;
  });
  await_held(b_);
  b_.release();
  await_reply();
  EXPECT_EQ(reply_, 550);
  expect_copies(0, 0);
  EXPECT_EQ(spool_->stats().ledger.accepted, 0);
}

TEST_F(NoRoomTest, ARefusalByAllIsPassedBackAlsoWhenItComesBeforeTheCommitFails) {
  disk_->stands = true;
  a_.plan(At::rcpt, says("550 5.1.1 nobody"));
  b_.plan(At::mail, holds());
  b_.plan(At::rcpt, says("550 5.1.1 nobody"));
  send();
  await([this] { return disk_->writes.load(); });
  await_held(b_);
  b_.release();
  await([this] { return engine_->jobs == 0; });
  EXPECT_EQ(reply_, 0) << "it may be stored yet";
  disk_->stands = false;
  disk_->stands.notify_all();
  await_reply();
  EXPECT_EQ(reply_, 550);
}

TEST_F(NoRoomTest, AStopTellsAClientThatWaitsForRoom) {
  b_.plan(At::mail, says("451 4.7.0 not yet"));
  send();
  await_taken_and_waiting();
  engine_->waits_for_room = false;
  await_reply();
  EXPECT_EQ(reply_, 452);
  expect_copies(1, 0);
  EXPECT_EQ(message_->stage(), spool::Message::Stage::gone);
}

TEST_F(NoRoomTest, AStopLetsADeliveryEndFirst) {
  b_.plan(At::last_chunk, holds());
  send();
  await_taken_and_waiting();
  engine_->waits_for_room = false;
  await_waiting();
  await_held(b_);
  b_.release();
  await_reply();
  EXPECT_EQ(reply_, 250);
  expect_copies(1, 1);
}

TEST_F(NoRoomTest, AtTheEndOfAStopNobodyWaitsForADelivery) {
  b_.plan(At::last_chunk, holds());
  send();
  await_taken_and_waiting();
  engine_->stopping = true;
  await_reply();
  EXPECT_EQ(reply_, 452);
  await_held(b_);
  b_.release();
  await([this] { return engine_->jobs == 0; });
  EXPECT_EQ(spool_->stats().ledger.accepted, 0);
}

}  // namespace
}  // namespace postern::queue
