// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "gateway/config.h"
#include "gateway/config_values.h"
#include "gateway/finding.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::verify {

/// How a connection becomes a TLS one.
enum class Security : std::uint8_t { none, starttls, implicit };

/// A server that is talked to: a name or an address, and how. A plain value.
struct Server {
  std::string host;
  std::uint16_t port = 0;
  Security tls = Security::none;
  bool verify = false;  ///< the certificate must prove the name
  std::string ca;       ///< PEM file of the authorities; empty: the system's

  std::string str() const;  ///< "10.0.0.5:25", "[2001:db8::5]:25"
};

/// Which of the three sides a mailbox is on; the short names are those of docs/mail-flow.md.
enum class Side : std::uint8_t { old_server, new_platform, outside };
/// "X", "V", "E".
std::string_view side_name(Side side);

/// Who a test user is to the migration.
enum class Role : std::uint8_t { unmigrated, migrated, cut_over, sender, outside };
constexpr std::size_t kRoles = 5;

/// A mailbox that is looked at over IMAP; there is one for an address and a side, whatever roles
/// its user plays.
struct Mailbox {
  Side side = Side::old_server;
  std::string address;
  Server server;
  std::string user;
  std::string password;  ///< the secret itself
  std::vector<std::string> folders{"INBOX"};

  std::string name() const;  ///< "X:boris@company.ru"
};

/// What `postern verify` tests with: its TOML file, completed from the gateway's config. Immutable
/// once it is read.
struct Plan {
  std::string domain;  ///< D
  std::string alias;   ///< T; empty: there is none
  std::string helo;
  std::string gateway_name;  ///< the gateway's hostname, as its Received fields have it
  const routing::NextHop* old_hop = nullptr;  ///< X; part of the gateway's config, never null
  const routing::NextHop* new_hop = nullptr;  ///< V; likewise

  /// Some listener counts all its clients as X or V (R7a), whatever their addresses.
  bool old_has_listener = false;
  bool new_has_listener = false;

  Server old_smtp;                   ///< X, as an outside sender reaches it
  Server new_smtp;                   ///< V, as the gateway reaches it
  Server gateway_mx;                 ///< G, as an outside sender reaches it
  std::optional<Server> submission;  ///< where a user of V sends
  std::string submission_user;       ///< empty: no login
  std::string submission_password;

  std::vector<IpAddress> gateway_addresses;  ///< T's MX must lead to one of them
  std::vector<std::string> gateway_names;    ///< or be one of these

  /// Local addresses to connect from; none: the system's choice.
  struct {
    std::optional<IpAddress> gateway;   ///< probes of X and V
    std::optional<IpAddress> outside;   ///< letters from outside
    std::optional<IpAddress> stranger;  ///< S8
    std::optional<IpAddress> platform;  ///< letters of V's users
  } from;

  std::array<std::string, kRoles> addresses;  ///< by Role; empty: none is given
  std::string unknown;                        ///< at D, known to nobody
  std::string group;                          ///< at D, takes mail of authenticated senders alone
  std::vector<Mailbox> mailboxes;

  const std::string& address(Role role) const { return addresses[static_cast<std::size_t>(role)]; }
  /// Index into `mailboxes`; nullopt: no access to it is given.
  std::optional<std::size_t> find(Role role, Side side) const;
};

struct PlanResult {
  std::optional<Plan> plan;  ///< none: there is an error among the findings
  std::vector<gateway::Finding> findings;
};

/// What a password file holds, or why it gives none.
using SecretReader = std::function<gateway::Parsed<std::string>(const std::string& path)>;

/// Reads the test's TOML `text`, called `name` in findings. `config` is the gateway's and outlives
/// the plan. Touches nothing but what `secret` does.
PlanResult parse_plan(std::string_view text,
                      const std::string& name,
                      const gateway::Config& config,
                      const SecretReader& secret);
/// The same from the file `path`, with passwords from files.
PlanResult load_plan(const std::string& path, const gateway::Config& config);

/// A TOML file of a test with comments, for `postern verify --example`.
std::string_view example_plan();

}  // namespace postern::verify
