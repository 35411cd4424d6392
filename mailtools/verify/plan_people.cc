// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/plan_reader.h"

#include <fmt/format.h>

#include <utility>

namespace postern::verify {
namespace {

using gateway::Need;
using gateway::Section;

void add_mailbox(PlanReading& in, Section& login, const ImapServer& imap, Side side, Role role) {
  Mailbox box{side, in.plan.address(role), {}, in.plan.address(role), {}, imap.folders};
  login.read("user", box.user);
  box.password = read_password(in, login);
  if (!imap.server) {
    const std::string where = side == Side::old_server     ? "[old_server]"
                              : side == Side::new_platform ? "[new_platform]"
                                                           : "[outside]";
    login.fail("user",
               "missing-key",
               fmt::format("there is no IMAP server to log in at; write imap = {{ server = "
                           "\"host:993\" }} in {}",
                           where));
    return;
  }
  box.server = *imap.server;
  if (!in.plan.find(role, side)) in.plan.mailboxes.push_back(std::move(box));
}

void read_user(PlanReading& in,
               Section& users,
               std::string_view key,
               Role role,
               const std::array<ImapServer, 2>& imap) {
  const gateway::Node* table = users.table(key);
  Section section(in.reader, table, users.path_of(key));
  std::string address;
  section.read("address", address, table == nullptr ? Need::optional : Need::required);
  if (!address.empty() &&
      (!is_test_address(address) || !at_domain(lower_case(address), in.plan.domain))) {
    section.fail("address",
                 "bad-address",
                 fmt::format("\"{}\" is no address of {}; write \"ivan@{}\"",
                             address,
                             in.plan.domain,
                             in.plan.domain));
  }
  in.plan.addresses[static_cast<std::size_t>(role)] = address;
  for (const Side side : {Side::old_server, Side::new_platform}) {
    const char* name = side == Side::old_server ? "old" : "new";
    const gateway::Node* login = section.table(name);
    if (login == nullptr) continue;
    Section inner(in.reader, login, section.path_of(name));
    add_mailbox(in, inner, imap[static_cast<std::size_t>(side)], side, role);
    inner.finish();
  }
  section.finish();
}

}  // namespace

void read_people(PlanReading& in, Section& top, const std::array<ImapServer, 2>& imap) {
  Section users(in.reader, top.table("user"), "user");
  read_user(in, users, "unmigrated", Role::unmigrated, imap);
  read_user(in, users, "migrated", Role::migrated, imap);
  read_user(in, users, "cut_over", Role::cut_over, imap);
  read_user(in, users, "sender", Role::sender, imap);
  users.finish();
}

void read_outside(PlanReading& in, Section& top) {
  const gateway::Node* table = top.table("outside");
  Section section(in.reader, table, "outside");
  std::string address;
  section.read("address", address, table == nullptr ? Need::optional : Need::required);
  if (!address.empty() &&
      (!is_test_address(address) || at_domain(lower_case(address), in.plan.domain) ||
       at_domain(lower_case(address), in.plan.alias))) {
    section.fail("address",
                 "bad-address",
                 fmt::format("\"{}\" is no address elsewhere; write one of another domain's, such "
                             "as \"nina@corp.com\"",
                             address));
  }
  in.plan.addresses[static_cast<std::size_t>(Role::outside)] = address;
  const ImapServer imap = read_imap(in, section);
  if (imap.server || section.has("user") || section.has("password_file")) {
    add_mailbox(in, section, imap, Side::outside, Role::outside);
  } else {
    std::string unused;
    section.read("user", unused);
    section.read("password_file", unused);
  }
  section.finish();
}

}  // namespace postern::verify
