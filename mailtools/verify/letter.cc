// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/letter.h"

#include "base/date.h"
#include "mailtools/verify/arrival.h"

#include <fmt/format.h>

#include <cstdint>
#include <random>

namespace postern::verify {

std::string new_run() {
  std::random_device device;
  const std::uint64_t high = device();
  const std::uint64_t value = (high << 32U | device()) & 0xffff'ffff'ffffULL;
  return fmt::format("pv-{:012x}", value);
}

std::string token_of(std::string_view run, std::string_view scenario) {
  return fmt::format("{}-{}", run, scenario);
}

/// Out-of-office notes would look like answers of the flow; reports are wanted.
std::string compose(std::string_view token,
                    std::string_view title,
                    std::string_view from,
                    std::string_view to,
                    std::string_view host,
                    std::chrono::system_clock::time_point now) {
  return fmt::format(
      "From: <{}>\r\nTo: <{}>\r\nSubject: postern verify {}\r\nDate: {}\r\n"
      "Message-ID: <{}@{}>\r\n{}: {}\r\nAuto-Submitted: auto-generated\r\n"
      "X-Auto-Response-Suppress: OOF, AutoReply\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n\r\n"
      "This letter tests the flow of mail: {}.\r\n"
      "It can be deleted.\r\n",
      from,
      to,
      token,
      rfc5322_date(now),
      token,
      host,
      kMarkField,
      token,
      title);
}

}  // namespace postern::verify
