// SPDX-License-Identifier: Apache-2.0
// A rewrite file and a recipient that a stranger chose (first line): nothing crashes, what comes
// out is an address at a domain, found again by case alone changed, and a circle is one.
#include "routing/address_patterns.h"
#include "routing/rewrite_map.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace postern;
using routing::RewriteMap;

void require(bool truth) {
  if (!truth) std::abort();
}

void check_find(const RewriteMap& map, const smtp::Mailbox& mailbox) {
  const auto found = map.find(mailbox);
  if (!found) return;
  require(found->to.has_domain() && !found->to.local().empty());
  std::string upper(mailbox.domain());
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
  }
  const auto again = map.find(smtp::Mailbox(mailbox.local(), upper));
  require(again && again->line == found->line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto take = [&rest] {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
  };
  const std::string_view address = take();
  RewriteMap map{routing::MailboxRules()};
  std::vector<std::string> patterns;
  for (int lines = 0; !rest.empty() && lines < 100; ++lines) {
    const std::string_view line = take();
    map.add_line(line);
    patterns.emplace_back(line);
  }
  const std::vector<std::string> circle = map.cycle();
  require(circle.empty() || circle.front() == circle.back());
  const routing::AddressPatterns all(patterns, false, "+-");
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == address.size()) return 0;
  const smtp::Mailbox mailbox(address.substr(0, at), address.substr(at + 1));
  check_find(map, mailbox);
  all.match(mailbox);
  return 0;
}
