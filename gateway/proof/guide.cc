// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/guide.h"

#include "gateway/config_values.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::gateway::proof {
namespace {

using routing::Behaviour;
using routing::Domain;
using routing::NextHop;

/// What Exchange takes and sends by default: 36 MB.
constexpr std::uint64_t kExchangeOctets = 36ULL << 20;
constexpr std::uint16_t kPublicPort = 25;
/// Blocks of the internet shorter than these are whole providers.
constexpr unsigned kWideIpv4 = 20;
constexpr unsigned kWideIpv6 = 40;

class Guide {
 public:
  explicit Guide(const World& world) : world_(world), config_(world.given()) {}

  std::vector<Finding> take() {
    for (const Domain* domain : world_.followed())
      domain_steps(*domain);
    behaviours();
    listeners();
    wide_allowlist();
    return std::move(out_);
  }

 private:
  void add(Severity severity, std::string_view path, std::string code, const std::string& message) {
    out_.push_back(config_.finding(severity, path, std::move(code), message));
  }

  /// Preliminary step 10, steps 2 and 4.
  void domain_steps(const Domain& domain) {
    const NextHop* x = world_.exchange_of(domain);
    const NextHop* home = world_.routing().find_next_hop(domain.mailboxes);
    const std::string path = fmt::format("domain[{}].", world_.place_of(domain));
    if (!domain.aliases.empty()) own_mx(domain, path);
    if (x == nullptr || x == home) return;
    if (domain.aliases.empty()) {
      add(Severity::warning,
          path + "name",
          "guide-step",
          fmt::format("{} has no alias: \"{}\" has no address to forward migrated users' mail to "
                      "(the guide's steps 2 and 3, S2); write aliases = [\"tech.{}\"]",
                      domain.name,
                      x->name,
                      domain.name));
    }
    if (!world_.coexists(domain)) {
      add(Severity::warning,
          path + "name",
          "guide-step",
          fmt::format(
              "no route leads {} to \"{}\" (the guide's step 4): its mail goes to \"{}\" at "
              "once, and \"{}\" keeps no copy; write [[route]] domains = [\"{}\"], via = "
              "\"{}\"",
              domain.name,
              x->name,
              domain.mailboxes,
              x->name,
              domain.name,
              x->name));
    }
  }

  /// G is the MX of T.
  void own_mx(const Domain& domain, const std::string& path) {
    const bool open = std::any_of(
        config_.listeners.begin(), config_.listeners.end(), [](const ListenerConfig& l) {
          return l.role == routing::Role::mx;
        });
    if (open) return;
    add(Severity::warning,
        path + "aliases",
        "no-mx-listener",
        fmt::format(
            "no listener has the role \"mx\": nobody is the MX of {}, and copies that the "
            "old server forwards there (S2) do not come in; write a [[listener]] with role = "
            "\"mx\"",
            domain.aliases.front()));
  }

  /// What `check` assumes comes from `behaves`.
  void behaviours() {
    const auto plain = [this](std::string_view name) -> const NextHop* {
      const NextHop* hop = world_.routing().find_next_hop(name);
      return hop != nullptr && hop->behaves == Behaviour::relay ? hop : nullptr;
    };
    std::vector<const NextHop*> told;
    const auto tell = [&](const NextHop* hop, std::string_view what) {
      if (hop == nullptr || std::find(told.begin(), told.end(), hop) != told.end()) return;
      told.push_back(hop);
      add(Severity::info,
          fmt::format("next_hop[{}].name", world_.place_of(*hop)),
          "behaves-unknown",
          fmt::format("what \"{}\" does with mail is not said, and is taken as {}; write behaves = "
                      "\"exchange\", \"vk_workspace\" or \"final\"",
                      hop->name,
                      what));
    };
    for (const Domain* domain : world_.followed()) {
      tell(plain(domain->mailboxes), "\"final\": it keeps what it has a mailbox for");
      tell(plain(world_.routes().via(domain->name)), "\"relay\": it sends mail on by MX");
    }
  }

  void listeners() {
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const ListenerConfig& listener = config_.listeners[i];
      if (listener.role != routing::Role::mx) continue;
      const std::string path = fmt::format("listener[{}].", i);
      const Parsed<Bind> bind = parse_bind(listener.bind);
      if (!listener.from.empty() && bind && bind->port == kPublicPort &&
          !bind->address.is_loopback()) {
        add(Severity::warning,
            path + "from",
            "from-on-mx-port",
            fmt::format(
                "port 25 is where everybody's mail comes in, and all of it counts as \"{}\" "
                "(R7a); write a port of its own, as 1025 (the guide's step 1)",
                listener.from));
      }
      const bool exchange =
          std::any_of(world_.parties().begin(), world_.parties().end(), [&](const Party& party) {
            return party.hop->behaves == Behaviour::exchange &&
                   (world_.entry_of(*party.hop, false) == &listener ||
                    world_.entry_of(*party.hop, true) == &listener);
          });
      if (!exchange || listener.max_message_size >= kExchangeOctets) continue;
      add(Severity::warning,
          path + "max_message_size",
          "size-below-exchange",
          fmt::format("Exchange sends 36 MB by default and more where the connector says so (the "
                      "guide's step 1): its larger mail is refused at \"{}\"; write \"50MiB\"",
                      listener.name));
    }
  }

  /// R2: an allowlist is for servers of one's own.
  void wide_allowlist() {
    const std::vector<IpPrefix>& allowed = config_.routing.allow_without_auth.prefixes();
    for (std::size_t i = 0; i < allowed.size(); ++i) {
      const IpAddress& network = allowed[i].network();
      const unsigned least = network.is_v4() ? kWideIpv4 : kWideIpv6;
      const unsigned told_by_check = network.is_v4() ? 8 : 16;
      if (allowed[i].length() >= least || allowed[i].length() < told_by_check) continue;
      if (is_private(network)) continue;
      add(Severity::warning,
          fmt::format("relay.allow_without_auth[{}]", i),
          "open-relay",
          fmt::format("{} is a large part of the internet: all of it may send anywhere (R2); write "
                      "the addresses of your own servers",
                      allowed[i].str()));
    }
  }

  static bool is_private(const IpAddress& address) {
    static constexpr std::string_view kPrivate[] = {"10.0.0.0/8",
                                                    "172.16.0.0/12",
                                                    "192.168.0.0/16",
                                                    "100.64.0.0/10",
                                                    "127.0.0.0/8",
                                                    "fc00::/7",
                                                    "fe80::/10"};
    return std::any_of(std::begin(kPrivate), std::end(kPrivate), [&](std::string_view text) {
      const std::optional<IpPrefix> block = IpPrefix::parse(text);
      return block && block->contains(address);
    });
  }

  const World& world_;
  const Config& config_;
  std::vector<Finding> out_;
};

}  // namespace

std::vector<Finding> guide_findings(const World& world) {
  return Guide(world).take();
}

}  // namespace postern::gateway::proof
