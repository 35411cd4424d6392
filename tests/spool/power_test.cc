// SPDX-License-Identifier: Apache-2.0
// R15 on a machine that loses its power: at each sync of a short run, what would be left of the
// disk is kept beside what was acknowledged by then; a spool opened on it has every one of them.
#include "fault_file_system.h"
#include "power_file_system.h"
#include "rocks_spool.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <map>

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;

struct Cut {
  PowerFileSystem::Image image;
  std::map<MessageId, std::size_t> acknowledged;  ///< with the number of the body
};

/// In the database, in segments, and in files of their own.
std::string body_number(std::size_t number) {
  constexpr std::array<std::size_t, 5> kOctets = {3'000, 6'000, 7'000, 4'000, 15'000};
  return patterned(kOctets[number % kOctets.size()], number);
}

Options options_for_cuts() {
  Options options = options_in();
  options.spill_octets = 10'000;
  options.memtable_octets = 128U << 10;
  options.segment_body_octets = 5'000;
  options.segment_octets = 20'000;
  return options;
}

/// Runs the spool on `data` and cuts the power before and after each sync.
std::vector<Cut> run_with_cuts(const std::string& data) {
  std::vector<Cut> cuts;
  std::mutex mutex;
  std::map<MessageId, std::size_t> acknowledged;
  const auto system = std::make_shared<PowerFileSystem>();
  system->at_each_sync([&] {
    Cut cut;
    {
      // First: what is acknowledged after this may be missing from the image.
      const std::scoped_lock lock(mutex);
      cut.acknowledged = acknowledged;
    }
    cut.image = system->image();
    cuts.push_back(std::move(cut));
  });
  auto spool = open_through(data, system, options_for_cuts());
  if (!spool) return {};
  for (std::size_t number = 0; number < 60; ++number) {
    Committed fresh = commit(*spool, body_number(number));
    if (fresh.done.get()) return {};
    const MessageId id = fresh.message->id();
    if (number % 3 == 0) {
      settle_all(fresh.message);
      continue;
    }
    const std::scoped_lock lock(mutex);
    acknowledged[id] = number;
  }
  spool.reset();
  return cuts;
}

void lay_out(const PowerFileSystem::Image& image, const std::string& from, const std::string& to) {
  fs::create_directories(to + "/db");
  fs::create_directories(to + "/segments");
  fs::create_directories(to + "/bodies");
  for (const auto& [path, octets] : image) {
    std::ofstream(to + path.substr(from.size()), std::ios::binary) << octets;
  }
}

TEST(PowerLoss, LosesNoAcknowledgedMessageAtAnySync) {
  TempDir dir;
  const std::string data = dir.path("running");
  const std::vector<Cut> cuts = run_with_cuts(data);
  ASSERT_GT(cuts.size(), 120U);
  ASSERT_TRUE(cuts.back().image.contains(data + "/segments/000003.segment"));
  std::size_t verified = 0;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const Cut& cut = cuts[i];
    if (cut.acknowledged.empty()) continue;
    SCOPED_TRACE(i);
    const std::string left = dir.path("left");
    lay_out(cut.image, data, left);
    {
      const auto spool =
          open_through(left, std::make_shared<FaultFileSystem>(), options_for_cuts());
      ASSERT_NE(spool, nullptr) << "does not open";
      // Whatever is in the queue has its body, also what was settled a moment ago.
      for (const MessageId id : ids_of(*spool, Spool::Which::recovered))
        ASSERT_TRUE(body_of(*spool, id)) << id.str();
      for (const auto& [id, number] : cut.acknowledged) {
        const auto body = body_of(*spool, id);
        ASSERT_TRUE(body) << "number " << number << ": " << body.error().message();
        ASSERT_EQ(*body, body_number(number));
      }
      EXPECT_EQ(spool->stats().ledger.damaged, 0);
      EXPECT_TRUE(spool->stats().ledger.balances());
    }
    fs::remove_all(left);
    ++verified;
  }
  EXPECT_GT(verified, 100U);
}

}  // namespace
}  // namespace postern::spool::test
