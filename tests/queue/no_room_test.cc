// SPDX-License-Identifier: Apache-2.0
// The disk is full, and one of two next hops has the letter already ("auto"): while its client
// waits it gets no second copy.
#include "delivery_fixture.h"
#include "queue/engine_impl.h"
#include "queue/spool/errors.h"
#include "queue/spool/memory_store.h"
#include "routing/stage.h"

#include <atomic>

namespace postern::queue {
namespace {

using test::At;
using test::Fault;

/// A store on a disk that is full until it is not.
class FullStore final : public spool::Store {
 public:
  explicit FullStore(const std::atomic<bool>& full) : full_(full) {}

  void put(spool::MessageId id, std::string_view record) override { map_.put(id, record); }
  void put_body(spool::MessageId id, std::span<const spool::Chunk> chunks) override {
    map_.put_body(id, chunks);
  }
  void remove(spool::MessageId id, bool with_body) override { map_.remove(id, with_body); }
  void put_ledger(std::string_view record) override { map_.put_ledger(record); }
  spool::WriteOutcome write(bool durable) override {
    if (!full_) return map_.write(durable);
    map_.drop_group();
    return spool::WriteOutcome::no_room;
  }
  spool::WriteOutcome resume() override {
    return full_ ? spool::WriteOutcome::no_room : spool::WriteOutcome::ok;
  }
  const std::string& trouble() const override { return map_.trouble(); }
  Result<std::string> record(spool::MessageId id) override { return map_.record(id); }
  Result<std::string> body(spool::MessageId id) override { return map_.body(id); }
  Result<std::string> ledger() override { return map_.ledger(); }
  spool::MessageId last_id() override { return map_.last_id(); }
  bool scan(spool::MessageId after,
            std::size_t limit,
            const std::function<void(spool::MessageId, std::string_view)>& visit,
            const std::function<void(spool::MessageId)>& unreadable) override {
    return map_.scan(after, limit, visit, unreadable);
  }
  void reclaim(std::uint64_t, bool) override {}
  void interrupt() override {}
  std::uint64_t octets_written() const override { return map_.octets_written(); }

 private:
  const std::atomic<bool>& full_;
  spool::MemoryStore map_;
};

Fault says(std::string reply, unsigned times = 1) {
  Fault fault;
  fault.kind = Fault::Kind::say;
  fault.reply = std::move(reply);
  fault.times = times;
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
    engine_->stopping = true;
    await([this] { return engine_->jobs == 0; });
    spool_->close();
    context.poll();  // what the spool has told last
    message_.reset();
    engine_.reset();
  }

  /// A letter for "a" and "b" with the null sender, of whom nobody is told anything.
  void send(std::chrono::seconds longest_wait = std::chrono::hours(1)) {
    EngineOptions options;
    options.routing = [this] { return view(); };
    options.longest_wait = longest_wait;
    if (!engine_) {
      engine_ = std::make_shared<Engine::Impl>(
          context.get_executor(), *spool_, pool(), std::move(options));
    }
    if (before_) before_();
    Result<spool::Draft> draft = spool_->begin();
    ASSERT_TRUE(draft);
    const spool::Chunk octets = std::make_shared<const std::string>("Subject: t\r\n\r\nhello\r\n");
    ASSERT_FALSE(run(draft->append(octets)));
    spool::Envelope envelope;
    envelope.received = spool::wall_now();
    std::vector<Routed> routed;
    for (const routing::NextHop* to : {&hop, &other_}) {
      spool::Recipient recipient;
      recipient.address.address = smtp::Mailbox(to->name, "company.ru");
      Routed one;
      one.index = static_cast<std::uint32_t>(envelope.recipients.size());
      one.decision.kind = routing::DecisionKind::route;
      one.decision.target.hops.push_back(to);
      one.decision.recipient_out = recipient.address.address;
      envelope.recipients.push_back(std::move(recipient));
      routed.push_back(std::move(one));
    }
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
  RoutingView view() const {
    RoutingView out;
    out.pipeline = &pipeline_;
    return out;
  }
  void await(const std::function<bool()>& until) {
    while (!until()) {
      if (context.stopped()) context.restart();
      context.run_for(std::chrono::milliseconds(5));
    }
  }
  void await_reply() {
    await([this] { return reply_ != 0; });
  }
  /// "a" has it, the commit has failed, and its client waits.
  void await_waiting() {
    await([this] {
      return a_.mails().size() == 1 && spool_->stats().health == spool::Health::full &&
             engine_->jobs > 0;
    });
    // Long enough for a reply that would be wrong: everything that could bring it has happened.
    for (int turns = 0; turns < 20; ++turns)
      context.run_for(std::chrono::milliseconds(1));
    EXPECT_EQ(reply_, 0);
  }
  void expect_copies(std::size_t a, std::size_t b) const {
    EXPECT_EQ(a_.mails().size(), a);
    EXPECT_EQ(b_.mails().size(), b);
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
  routing::Config routing_config_;
  const routing::Pipeline pipeline_ = pipeline_of(routing_config_);
  std::atomic<bool> full_{true};
  std::unique_ptr<spool::Spool> spool_ =
      std::make_unique<spool::Spool>(std::make_unique<FullStore>(full_), nullptr, spool::Options());
  std::shared_ptr<Engine::Impl> engine_;
  std::function<void()> before_;
  spool::MessagePtr message_;
  int reply_ = 0;
};

TEST_F(NoRoomTest, The250ComesWhenTheSlowerNextHopHasItToo) {
  Fault hold;
  hold.kind = Fault::Kind::hold;
  b_.plan(At::last_chunk, hold);
  send();
  await_waiting();
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
  await_waiting();
  full_ = false;
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
  before_ = [this] {
    routing::Target target;
    target.hops.push_back(&other_);
    const LaneBoxPtr box = engine_->lane(target, view());
    for (unsigned i = 0; i < Lane::kTrips; ++i) {
      box->lane.add(spool::MessageId(1), spool::WallTime());
      ASSERT_TRUE(box->lane.next(spool::wall_now()));
      box->lane.finished(LaneOutcome::dead, spool::wall_now(), 0.5);
    }
  };
  send();
  await_waiting();
  full_ = false;
  await_reply();
  EXPECT_EQ(reply_, 250);
  expect_copies(1, 0);
  EXPECT_EQ(spool_->stats().ledger.queued, 1);
}

TEST_F(NoRoomTest, ARefusalThatCannotBeReportedWaitsForRoom) {
  b_.plan(At::rcpt, says("550 5.1.1 nobody"));
  send();
  await_waiting();
  full_ = false;
  await_reply();
  EXPECT_EQ(reply_, 250);
  await([this] { return spool_->stats().ledger.failed == 1; });
  expect_copies(1, 0);
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

TEST_F(NoRoomTest, AtLastItsClientComesAgain) {
  b_.plan(At::mail, says("451 4.7.0 not yet"));
  send(std::chrono::seconds(0));
  await_reply();
  EXPECT_EQ(reply_, 452);
  expect_copies(1, 0);
  EXPECT_EQ(message_->stage(), spool::Message::Stage::gone);
  EXPECT_FALSE(message_->lease_pending());
  full_ = false;
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
  reply_ = 0;
  send();
  await_reply();
  EXPECT_EQ(reply_, 452);
  expect_copies(0, 0);
  reply_ = 0;
  full_ = false;
  send();
  await_reply();
  EXPECT_EQ(reply_, 250);
  await([this] { return a_.mails().size() == 1 && b_.mails().size() == 1; });
}

}  // namespace
}  // namespace postern::queue
