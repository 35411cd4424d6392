// SPDX-License-Identifier: Apache-2.0
// What a mailbox gives back, whoever wrote it: IMAP's answers, letters and reports. What is made of
// them is bounded, fit to be printed, and a token is never more than letters, digits and dashes.
#include "mailtools/verify/arrival.h"
#include "mailtools/verify/folder_name.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace postern::verify;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

void check_arrival(const Arrival& arrival, std::string_view run) {
  require(arrival.token.starts_with(run) && arrival.token.size() <= 80);
  require(arrival.path.size() <= 60);
  for (const std::string& hop : arrival.path)
    require(!hop.empty() && is_printable(hop));
  require(is_printable(arrival.client_at_gateway));
  if (!arrival.bounce) return;
  require(arrival.bounce->status.starts_with('5'));
  require(is_printable(arrival.bounce->recipient) && is_printable(arrival.bounce->diagnostic));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const std::uint32_t uid : parse_search(input))
    require(uid != 0);
  require(parse_search(input, 3).size() <= 3);
  for (const std::string& folder : parse_list(input, 3)) {
    require(!folder.empty());
    const std::string people = people_folder_name(folder);
    require(people.size() <= 2 * folder.size());
    require(imap_folder_name(people).size() <= 6 * people.size());
  }
  const std::string_view run = "pv-0a";
  if (const auto arrival = examine(input, run, "gw")) check_arrival(*arrival, run);
  require(parse_header(input).size() <= 500);
  return 0;
}
