// SPDX-License-Identifier: Apache-2.0
#include "gateway/admission.h"

#include "gateway/ids.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace postern::gateway {
namespace {

using Verdict = Admission::Verdict;
const IpAddress kOne = *parse_ip("10.0.0.1");
const IpAddress kTwo = *parse_ip("10.0.0.2");

TEST(Admission, TurnsAwayBeyondTheLimitOfAClientAndNobodyElse) {
  Admission admission;
  const AdmissionLimits limits{10, 2};
  Admission::Ticket a, b, c, d;
  EXPECT_EQ(admission.admit(kOne, limits, false, a), Verdict::admitted);
  EXPECT_EQ(admission.admit(kOne, limits, false, b), Verdict::admitted);
  EXPECT_EQ(admission.admit(kOne, limits, false, c), Verdict::too_many_from_client);
  EXPECT_EQ(admission.admit(kTwo, limits, false, d), Verdict::admitted);
  EXPECT_EQ(admission.sessions(), 3U);
}

TEST(Admission, GivesAPlaceBackWhenItsTicketIsGone) {
  Admission admission;
  const AdmissionLimits limits{1, 1};
  {
    Admission::Ticket a;
    ASSERT_EQ(admission.admit(kOne, limits, false, a), Verdict::admitted);
    const Admission::Ticket moved = std::move(a);
    Admission::Ticket b;
    EXPECT_EQ(admission.admit(kTwo, limits, false, b), Verdict::too_many_sessions);
  }
  EXPECT_EQ(admission.sessions(), 0U);
  Admission::Ticket c;
  EXPECT_EQ(admission.admit(kTwo, limits, false, c), Verdict::admitted);
}

TEST(Admission, AnIntermediateMxIsNotLimitedAsOneClient) {
  Admission admission;
  const AdmissionLimits limits{10, 1};
  Admission::Ticket a, b;
  EXPECT_EQ(admission.admit(kOne, limits, true, a), Verdict::admitted);
  EXPECT_EQ(admission.admit(kOne, limits, true, b), Verdict::admitted);
}

TEST(Ids, AreDifferentOnEveryThread) {
  constexpr std::size_t kEach = 5000;
  std::vector<std::vector<std::string>> ids(4);
  std::vector<std::thread> threads;
  for (std::vector<std::string>& mine : ids) {
    threads.emplace_back([&mine] {
      for (std::size_t i = 0; i < kEach; ++i)
        mine.push_back(new_id());
    });
  }
  for (std::thread& t : threads)
    t.join();
  std::vector<std::string> all;
  for (const auto& mine : ids)
    all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_EQ(all.size(), kEach * ids.size());
}

}  // namespace
}  // namespace postern::gateway
