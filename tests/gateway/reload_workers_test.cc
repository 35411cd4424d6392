// SPDX-License-Identifier: Apache-2.0
// What a reload cannot change: how many workers there are.
#include "server_fixture.h"

#include <gmock/gmock.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <mutex>

namespace postern::gateway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Warnings final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::vector<std::string> all() {
    const std::scoped_lock lock(mutex_);
    return lines_;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    lines_.emplace_back(line.payload.begin(), line.payload.end());
  }
  void flush_() override {}

 private:
  std::vector<std::string> lines_;
};

/// The process's log is a list of warnings.
class ReloadWorkersTest : public ServerTest {
 protected:
  ReloadWorkersTest() {
    const auto logger = std::make_shared<spdlog::logger>("process", warnings_);
    logger->set_level(spdlog::level::warn);
    spdlog::set_default_logger(logger);
  }
  ~ReloadWorkersTest() override {
    end();
    spdlog::set_default_logger(before_);
  }
  void end() {
    stop();
    join();
  }
  /// Those of them that are about connections.
  std::vector<std::string> warnings() const {
    std::vector<std::string> out;
    for (std::string& line : warnings_->all()) {
      if (line.find("max_connections") != std::string::npos) out.push_back(std::move(line));
    }
    return out;
  }

 private:
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  const std::shared_ptr<Warnings> warnings_ = std::make_shared<Warnings>();
};

TEST_F(ReloadWorkersTest, ALimitBelowTheWorkersThatRunIsAWarningWithItsNumbers) {
  start();
  setup.next_hop_keys = "max_connections = 1";
  reload();
  end();
  EXPECT_THAT(warnings(),
              ElementsAre(AllOf(HasSubstr("next_hop exchange: max_connections = 1 "),
                                HasSubstr(" 2 worker threads")),
                          HasSubstr("next_hop vk: max_connections = 1 ")));
}

TEST_F(ReloadWorkersTest, ALimitThatIsKeptIsNone) {
  start();
  setup.next_hop_keys = "max_connections = 2";
  reload();
  end();
  EXPECT_THAT(warnings(), ElementsAre());
}

}  // namespace
}  // namespace postern::gateway
