// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/plan_reader.h"

#include <fmt/format.h>

#include <utility>

namespace postern::verify {
namespace {

using gateway::Need;
using gateway::Parsed;
using gateway::Section;

constexpr std::uint16_t kSmtp = 25;
constexpr std::uint16_t kImap = 143;
constexpr std::uint16_t kImaps = 993;
constexpr std::size_t kMostFolders = 20;

void read_host(Section& section, std::string_view key, Server& out, std::uint16_t otherwise) {
  std::string text;
  section.read(key, text);
  if (text.empty()) return;
  const Parsed<routing::HostSpec> host = gateway::parse_host(text);
  if (!host) return section.fail(key, "bad-host", host.error().text);
  if (host->mx) {
    return section.fail(
        key, "bad-host", "the MX of a name is no server; write a host, \"mail.company.ru:25\"");
  }
  out.host = host->host;
  const bool has_port = host->port != kSmtp || text.ends_with(":25");
  out.port = has_port ? host->port : otherwise;
}

void read_security(Section& section, Server& out) {
  section.read<Security>("tls",
                         out.tls,
                         {
                             {"none",     Security::none    },
                             {"starttls", Security::starttls},
                             {"implicit", Security::implicit}
  });
  out.verify = out.tls != Security::none;  // a password goes over it
  section.read("verify", out.verify);
  section.read("ca", out.ca);
  if (out.verify && out.tls == Security::none) {
    section.fail("verify",
                 "contradiction",
                 "without TLS there is no certificate; write tls = \"implicit\" or \"starttls\"");
  }
}

/// The next hop that `key` names, or `otherwise` where it names none.
const routing::NextHop* read_hop(PlanReading& in,
                                 Section& section,
                                 const routing::NextHop* otherwise,
                                 std::string_view table,
                                 std::string_view what) {
  std::string name;
  section.read("next_hop", name);
  if (name.empty()) {
    if (otherwise == nullptr) {
      section.fail("next_hop",
                   "missing-key",
                   fmt::format("which next hop of {} is {}? write next_hop = \"NAME\" in [{}]",
                               in.config.file,
                               what,
                               table));
    }
    return otherwise;
  }
  const routing::NextHop* hop = in.config.routing.find_next_hop(name);
  if (hop == nullptr) {
    std::vector<std::string> names;
    for (const routing::NextHop& one : in.config.routing.next_hops)
      names.push_back(one.name);
    section.fail("next_hop",
                 "unknown-next-hop",
                 fmt::format("{} has no next hop \"{}\"; write one of {}",
                             in.config.file,
                             name,
                             gateway::quoted_list(names)));
  }
  return hop;
}

/// The door of a next hop: its first host, until the file names another.
void read_door(Section& section, const routing::NextHop* hop, Server& out) {
  if (hop != nullptr && !hop->hosts.empty() && !hop->hosts.front().mx) {
    out.host = hop->hosts.front().host;
    out.port = hop->hosts.front().port;
  }
  read_host(section, "smtp", out, kSmtp);
  if (out.host.empty() && hop != nullptr && !section.has("smtp")) {
    section.fail(
        "smtp", "missing-key", "the next hop is the MX of a name; write smtp = \"host:25\"");
  }
}

void read_submission(PlanReading& in, Section& side) {
  const gateway::Node* table = side.table("submission");
  if (table == nullptr) return;
  Section section(in.reader, table, side.path_of("submission"));
  Server server;
  constexpr std::uint16_t kSubmission = 587;
  std::string unused;
  section.read("server", unused, Need::required);
  read_host(section, "server", server, kSubmission);
  read_security(section, server);
  section.read("user", in.plan.submission_user);
  if (section.has("user") || section.has("password_file")) {
    in.plan.submission_password = read_password(in, section);
  }
  if (!in.plan.submission_user.empty() && server.tls == Security::none) {
    section.fail("tls",
                 "contradiction",
                 "a password would cross the network in clear; write tls = \"starttls\" or "
                 "\"implicit\"");
  }
  section.finish();
  in.plan.submission = server;
}

void read_from(Section& section, std::string_view key, std::optional<IpAddress>& out) {
  std::string text;
  section.read(key, text);
  if (text.empty()) return;
  out = parse_ip(text);
  if (!out) {
    section.fail(
        key,
        "bad-address",
        fmt::format("\"{}\" is no address; write one of this machine's, \"10.0.1.5\"", text));
  }
}

/// Where the config says that clients come in; a listener on every address is reached by loopback.
void default_gateway(PlanReading& in) {
  for (const gateway::ListenerConfig& listener : in.config.listeners) {
    const Parsed<gateway::Bind> bind = gateway::parse_bind(listener.bind);
    if (!bind) continue;
    if (!bind->address.is_unspecified()) in.plan.gateway_addresses.push_back(bind->address);
    if (listener.role != routing::Role::mx || !listener.from.empty() || bind->port == 0 ||
        !in.plan.gateway_mx.host.empty()) {
      continue;
    }
    const std::string loopback = bind->address.is_v6() ? "::1" : "127.0.0.1";
    in.plan.gateway_mx.host = bind->address.is_unspecified() ? loopback : bind->address.to_string();
    in.plan.gateway_mx.port = bind->port;
  }
  in.plan.gateway_names = {in.config.hostname};
}

/// The only next hop that behaves as Exchange.
const routing::NextHop* default_old(const gateway::Config& config) {
  const routing::NextHop* found = nullptr;
  for (const routing::NextHop& hop : config.routing.next_hops) {
    if (hop.behaves != routing::Behaviour::exchange) continue;
    if (found != nullptr) return nullptr;
    found = &hop;
  }
  return found;
}

}  // namespace

namespace {

/// A password would go over it; what does not leave the machine nobody else reads.
void refuse_clear_password(Section& section, const Server& server) {
  if (server.tls != Security::none || server.host.empty() || server.host == "localhost") return;
  const std::optional<IpAddress> address = parse_ip(server.host);
  if (address && plain_ip(*address).is_loopback()) return;
  section.fail("tls",
               "contradiction",
               "passwords would cross the network in clear; write tls = \"implicit\" or "
               "\"starttls\"");
}

}  // namespace

ImapServer read_imap(PlanReading& in, Section& side) {
  ImapServer out;
  const gateway::Node* table = side.table("imap");
  Section section(in.reader, table, side.path_of("imap"));
  Server server;
  server.tls = Security::implicit;
  std::string unused;
  section.read("server", unused, table == nullptr ? Need::optional : Need::required);
  read_security(section, server);
  read_host(section, "server", server, server.tls == Security::implicit ? kImaps : kImap);
  refuse_clear_password(section, server);
  if (section.has("folders")) out.folders.clear();
  section.each("folders", [&](const std::string& path, const std::string& name) {
    if (name.empty() || name.find_first_of("\r\n\"\\") != std::string::npos) {
      in.reader.error(path, "bad-value", "this is no folder's name; write \"INBOX\", or \"Junk\"");
    }
    out.folders.push_back(name);
  });
  if (section.has("folders") && (out.folders.empty() || out.folders.size() > kMostFolders)) {
    section.fail("folders", "out-of-range", "write from 1 to 20 folders, or leave it out: INBOX");
  }
  section.finish();
  if (table != nullptr && !server.host.empty()) out.server = server;
  return out;
}

std::string read_password(PlanReading& in, Section& section) {
  std::string path;
  section.read("password_file", path, Need::required);
  if (path.empty()) return {};
  if (!path.starts_with('/')) {
    section.fail(
        "password_file",
        "bad-value",
        fmt::format("\"{}\" is no whole path; write it from the root on, \"/etc/...\"", path));
    return {};
  }
  Parsed<std::string> text = in.secret(path);
  if (!text) {
    section.fail("password_file", "unreadable", text.error().text);
    return {};
  }
  while (text->ends_with('\n') || text->ends_with('\r'))
    text->pop_back();
  if (text->empty() || text->find_first_of("\r\n") != std::string::npos ||
      text->find('\0') != std::string::npos) {
    section.fail("password_file",
                 "bad-value",
                 fmt::format("{} must hold one line, the password alone", path));
    return {};
  }
  return *text;
}

void read_plan_gateway(PlanReading& in, Section& top) {
  default_gateway(in);
  Section section(in.reader, top.table("gateway"), "gateway");
  read_host(section, "mx", in.plan.gateway_mx, kSmtp);
  if (section.has("addresses")) in.plan.gateway_addresses.clear();
  section.each("addresses", [&](const std::string& path, const std::string& text) {
    const std::optional<IpAddress> address = parse_ip(text);
    if (!address) {
      in.reader.error(
          path, "bad-address", fmt::format("\"{}\" is no address; write \"203.0.113.10\"", text));
      return;
    }
    in.plan.gateway_addresses.push_back(*address);
  });
  if (section.has("names")) in.plan.gateway_names.clear();
  section.each("names", [&](const std::string& path, const std::string& text) {
    const Parsed<std::string> name = gateway::parse_domain(text);
    if (!name) in.reader.error(path, "bad-domain", name.error().text);
    if (name) in.plan.gateway_names.push_back(*name);
  });
  section.finish();
}

std::array<ImapServer, 2> read_sides(PlanReading& in, Section& top) {
  Section old_server(in.reader, top.table("old_server"), "old_server");
  in.plan.old_hop =
      read_hop(in, old_server, default_old(in.config), "old_server", "the old server");
  read_door(old_server, in.plan.old_hop, in.plan.old_smtp);
  ImapServer old_imap = read_imap(in, old_server);
  old_server.finish();
  Section platform(in.reader, top.table("new_platform"), "new_platform");
  in.plan.new_hop = read_hop(in, platform, in.plan.new_hop, "new_platform", "the new platform");
  read_door(platform, in.plan.new_hop, in.plan.new_smtp);
  ImapServer new_imap = read_imap(in, platform);
  read_submission(in, platform);
  platform.finish();
  return {std::move(old_imap), std::move(new_imap)};
}

void read_connect_from(PlanReading& in, Section& top) {
  Section from(in.reader, top.table("connect_from"), "connect_from");
  read_from(from, "gateway", in.plan.from.gateway);
  read_from(from, "outside", in.plan.from.outside);
  read_from(from, "stranger", in.plan.from.stranger);
  read_from(from, "platform", in.plan.from.platform);
  from.finish();
}

}  // namespace postern::verify
