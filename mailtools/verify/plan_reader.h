// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config_reader.h"
#include "mailtools/verify/plan.h"
#include "mailtools/verify/words.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// How the test's TOML is read: the parts, each of one file. Used by plan.cc alone; one thread.

namespace postern::verify {

/// What the reading of one file hands around.
struct PlanReading {
  gateway::Reader& reader;
  const gateway::Config& config;
  const SecretReader& secret;
  Plan plan;
};

/// IMAP of a side, before there is a login.
struct ImapServer {
  std::optional<Server> server;
  std::vector<std::string> folders{"INBOX"};
};

// plan_servers.cc
ImapServer read_imap(PlanReading& in, gateway::Section& side);
/// The password of `password_file`; empty, with a finding, when there is none.
std::string read_password(PlanReading& in, gateway::Section& section);
void read_plan_gateway(PlanReading& in, gateway::Section& top);
/// [old_server] and [new_platform]: IMAP of each.
std::array<ImapServer, 2> read_sides(PlanReading& in, gateway::Section& top);
void read_connect_from(PlanReading& in, gateway::Section& top);

// plan_people.cc
void read_people(PlanReading& in, gateway::Section& top, const std::array<ImapServer, 2>& imap);
void read_outside(PlanReading& in, gateway::Section& top);

}  // namespace postern::verify
