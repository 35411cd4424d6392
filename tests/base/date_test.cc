// SPDX-License-Identifier: Apache-2.0
#include "base/date.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Rfc5322Date, IsUtcAndEnglish) {
  EXPECT_EQ(rfc5322_date(std::chrono::system_clock::from_time_t(0)),
            "Thu, 1 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(rfc5322_date(std::chrono::system_clock::from_time_t(951782399)),
            "Mon, 28 Feb 2000 23:59:59 +0000");
}

}  // namespace
}  // namespace postern
