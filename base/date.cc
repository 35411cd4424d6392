// SPDX-License-Identifier: Apache-2.0
#include "base/date.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <ctime>

namespace postern {

std::string rfc5322_date(std::chrono::system_clock::time_point when) {
  // Not strftime: names of days and months must not follow the locale.
  static constexpr std::array<const char*, 7> kDays{
      "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm t = fmt::gmtime(std::chrono::system_clock::to_time_t(when));
  return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000",
                     kDays[static_cast<std::size_t>(t.tm_wday)],
                     t.tm_mday,
                     kMonths[static_cast<std::size_t>(t.tm_mon)],
                     t.tm_year + 1900,
                     t.tm_hour,
                     t.tm_min,
                     t.tm_sec);
}

}  // namespace postern
