// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/draft.h"
#include "support.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>

namespace postern::spool {
namespace {

/// Files that are written when the test says so.
class HeldFiles final : public BodyFiles {
 public:
  explicit HeldFiles(std::shared_future<void> gate) : gate_(std::move(gate)) {}

  Result<std::unique_ptr<Sink>> create(MessageId) override {
    return std::unique_ptr<Sink>(std::make_unique<HeldSink>(gate_));
  }
  Result<std::unique_ptr<Source>> open(MessageId) override {
    return std::make_error_code(std::errc::no_such_file_or_directory);
  }
  void remove(MessageId) override {}
  void set_aside(MessageId) override {}
  std::vector<MessageId> list() override { return {}; }

 private:
  class HeldSink final : public Sink {
   public:
    explicit HeldSink(std::shared_future<void> gate) : gate_(std::move(gate)) {}
    std::error_code append(std::string_view) override {
      gate_.wait();
      return {};
    }
    std::error_code sync() override { return {}; }

   private:
    std::shared_future<void> gate_;
  };

  std::shared_future<void> gate_;
};

TEST(DraftFile, CountsWhatWaitsForTheDiskAsMemory) {
  std::promise<void> gate;
  HeldFiles files(gate.get_future().share());
  std::atomic<std::int64_t> held = 0;
  Worker worker;
  const auto file = std::make_shared<DraftFile>(
      files, worker, MessageId{}, [&held](std::int64_t octets) { held += octets; });
  for (int i = 0; i < 3; ++i)
    file->append(std::make_shared<const std::string>(1000, 'x'));
  EXPECT_EQ(held, 3000);
  std::promise<std::error_code> written;
  file->when_below(0, [&written](std::error_code error) { written.set_value(error); });
  gate.set_value();
  EXPECT_FALSE(written.get_future().get());
  EXPECT_EQ(held, 0);
  worker.stop();
}

TEST(Draft, IsNotWaitedForOnceItGoesIntoAFile) {
  std::promise<void> gate;
  gate.set_value();
  HeldFiles files(gate.get_future().share());
  Worker worker;
  std::atomic<std::size_t> arriving = 0;
  Draft::Setup setup;
  setup.spill_octets = 1000;
  setup.window_octets = 1U << 20;
  setup.make_file = [&](MessageId id) {
    return std::make_shared<DraftFile>(files, worker, id, [](std::int64_t) {});
  };
  setup.hold_memory = [](std::int64_t) {};
  setup.arrival = Arrival(arriving);
  {
    Draft draft(std::move(setup));
    EXPECT_FALSE(test::run(draft.append(std::string(1000, 'x'))));
    EXPECT_EQ(arriving, 1U);
    EXPECT_FALSE(test::run(draft.append("x")));
    EXPECT_EQ(arriving, 0U);
  }
  EXPECT_EQ(arriving, 0U);
  worker.stop();
}

}  // namespace
}  // namespace postern::spool
