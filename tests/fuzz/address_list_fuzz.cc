// SPDX-License-Identifier: Apache-2.0
// Lists of addresses (directory, cut-over): whatever a file holds, it is read, and who was taken
// from a line is found in the table, at that line or an earlier one.
#include "routing/mailbox_table.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

using postern::routing::Domain;
using postern::routing::DomainIndex;
using postern::routing::MailboxRules;
using postern::routing::MailboxTable;

const DomainIndex& domains() {
  static const std::vector<Domain> ours = [] {
    Domain domain;
    domain.name = "d.ru";
    domain.aliases = {"t.d.ru"};
    return std::vector<Domain>{domain};
  }();
  static const DomainIndex index(ours);
  return index;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  MailboxTable table(MailboxRules{&domains(), false, "+"});
  std::size_t lines = 0;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    const std::size_t ignored = table.ignored();
    table.add_line(line);
    ++lines;
    const std::size_t at = line.rfind("@d.ru");
    const bool is_plain = at != std::string_view::npos && at + 5 == line.size() && at > 0 &&
                          line.find_first_of("\" \t\r#@\xef") == at;
    if (!is_plain || table.ignored() != ignored) continue;
    const std::size_t found = table.find(postern::smtp::Mailbox(line.substr(0, at), "T.d.ru"));
    if (found == 0 || found > lines) std::abort();
  }
  if (table.size() + table.ignored() > lines) std::abort();
  return 0;
}
