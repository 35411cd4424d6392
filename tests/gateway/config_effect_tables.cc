// SPDX-License-Identifier: Apache-2.0
// Effects of [[wave]], [[directory]], [[policy]], [[plugin]], and of the ways of docs/ways.md.
#include "tests/gateway/config_effects.h"

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;

std::string in_directory(const std::string& line, const std::string& kind = "ldap") {
  std::string must = "servers = [\"ldap://dc1\"]\nbase = \"dc=x\"\n";
  if (kind == "sql") must = "connection = \"host=db\"\nquery = \"SELECT $1\"\n";
  if (kind == "smtp") must = "next_hop = \"vk\"\n";
  const std::string key = line.substr(0, line.find(' '));
  if (const std::size_t at = must.find(key + " ="); !key.empty() && at != std::string::npos)
    must.erase(at, must.find('\n', at) + 1 - at);
  return "[[directory]]\nname = \"d\"\nkind = \"" + kind + "\"\n" + must + line + "\n";
}
const directories::Config& directory(const Config& c) {
  return c.directories.back();
}

}  // namespace

// clang-format off
std::vector<Effect> wave_effects() {
  const std::string two = "[[wave]]\nname = \"two\"\nmembers = \"file:/w\"\nstate = \"dual\"\ndomain = \"company.ru\"\n";
  return {
      {"wave", two, [](auto& c) { return c.routing.waves.size() == 1; }},
      {"wave.name", two, [](auto& c) { return c.routing.waves[0].name == "two"; }},
      {"wave.members", two, [](auto& c) { return c.routing.waves[0].members == "file:/w"; }},
      {"wave.state", two, [](auto& c) { return c.routing.waves[0].state == routing::WaveState::dual; }},
      {"wave.domain", two, [](auto& c) { return c.routing.waves[0].domain == "company.ru"; }},
  };
}
// clang-format on

// clang-format off
std::vector<Effect> directory_effects() {
  using D = directories::Config;
  const std::string account = "bind_dn = \"cn=p\"\nbind_password = \"file:/s\"";
  const auto of_ldap = [](const std::string& key, const std::string& value, std::function<bool(const directories::LdapConfig&)> is) {
    return Effect{"directory." + key, in_directory(key + " = " + value), [is](auto& c) { return is(directory(c).ldap); }};
  };
  const auto of_all = [](const std::string& key, const std::string& value, std::function<bool(const D&)> is) {
    return Effect{"directory." + key, in_directory(key + " = " + value), [is](auto& c) { return is(directory(c)); }};
  };
  return {
      {"directory", in_directory(""), [](auto& c) { return c.directories.size() == 1; }},
      {"directory.name", in_directory(""), [](auto& c) { return c.find_directory("d") == &directory(c); }},
      {"directory.kind", in_directory("", "sql"), [](auto& c) { return directory(c).kind == directories::Kind::sql; }},
      of_all("timeout", "\"2s\"", [](auto& d) { return d.timeout == 2s; }),
      of_all("connections", "7", [](auto& d) { return d.connections == 7; }),
      of_all("known_for", "\"2s\"", [](auto& d) { return d.cache.known_for == 2s; }),
      of_all("unknown_for", "\"0s\"", [](auto& d) { return d.cache.unknown_for == 0s; }),
      of_all("stale_for", "\"1h\"", [](auto& d) { return d.cache.stale_for == 1h; }),
      of_all("cache_size", "7", [](auto& d) { return d.cache.size == 7; }),
      of_ldap("servers", "[\"ldaps://dc1\", \"ldap://dc2:3268\"]", [](auto& l) { return l.servers.size() == 2 && l.servers[1] == "ldap://dc2:3268"; }),
      of_ldap("start_tls", "true", [](auto& l) { return l.start_tls; }),
      of_ldap("ca", "\"/ca\"", [](auto& l) { return l.ca == "/ca"; }),
      of_ldap("verify", "false", [](auto& l) { return !l.verify; }),
      {"directory.bind_dn", in_directory(account), [](auto& c) { return directory(c).ldap.bind_dn == "cn=p"; }},
      {"directory.bind_password", in_directory(account), [](auto& c) { return directory(c).ldap.bind_password_file == "/s"; }},
      of_ldap("base", "\"dc=y\"", [](auto& l) { return l.base == "dc=y"; }),
      of_ldap("scope", "\"one\"", [](auto& l) { return l.scope == directories::Scope::one; }),
      of_ldap("filter", "\"(mail={address})\"", [](auto& l) { return l.filter == "(mail={address})"; }),
      of_ldap("attributes", "[\"mail\"]", [](auto& l) { return l.attributes == std::vector<std::string>{"mail"}; }),
      of_ldap("mode", "\"bulk\"", [](auto& l) { return l.mode == directories::LdapMode::bulk && l.filter == "(proxyAddresses=*)"; }),
      of_ldap("refresh", "\"1h\"", [](auto& l) { return l.refresh == 1h; }),
      of_ldap("page_size", "7", [](auto& l) { return l.page_size == 7; }),
      {"directory.connection", in_directory("connection = \"host=x\"", "sql"), [](auto& c) { return directory(c).sql.connection == "host=x"; }},
      {"directory.password", in_directory("password = \"file:/p\"", "sql"), [](auto& c) { return directory(c).sql.password_file == "/p"; }},
      {"directory.query", in_directory("query = \"SELECT 2, $1\"", "sql"), [](auto& c) { return directory(c).sql.query == "SELECT 2, $1"; }},
      {"directory.next_hop", in_directory("next_hop = \"exchange\"", "smtp"), [](auto& c) { return directory(c).smtp.next_hop == "exchange"; }},
      {"directory.mail_from", in_directory("mail_from = \"p@x.ru\"", "smtp"), [](auto& c) { return directory(c).smtp.mail_from == "p@x.ru"; }},
      {"directory.batch", in_directory("batch = 7", "smtp"), [](auto& c) { return directory(c).smtp.batch == 7; }},
  };
}
// clang-format on

// clang-format off
std::vector<Effect> ways_effects() {
  using List = std::vector<std::string>;
  const auto sender_route = [](const std::string& line) {
    return "[[sender_route]]\nvia = \"vk\"\nsenders = [\"@x.ru\", \"\"]\n" + line + "\n";
  };
  const auto journal = [](const std::string& line) {
    return "[[journal]]\nto = \"a@x.ru\"\nvia = \"vk\"\n" + line + "\n";
  };
  const auto list = [](const std::string& line) { return "[[list]]\nsenders = [\"@x.ru\"]\n" + line + "\n"; };
  const std::string rewrite = "[[rewrite]]\nfrom = \"@x.ru\"\nto = \"@y.ru\"\n";
  const std::string reject = "action = \"reject\"\n";
  using Action = routing::ListRule::Action;
  return {
      {"sender_route", sender_route(""), [](auto& c) { return c.routing.sender_routes.size() == 1; }},
      {"sender_route.senders", sender_route(""), [](auto& c) { return c.routing.sender_routes[0].senders == List{"@x.ru", ""}; }},
      {"sender_route.clients", sender_route("clients = [\"10.7.0.0/16\"]"), [](auto& c) { return c.routing.sender_routes[0].clients.contains(*parse_ip("10.7.1.1")); }},
      {"sender_route.via", sender_route(""), [](auto& c) { return c.routing.sender_routes[0].via == "vk"; }},
      {"sender_route.all", sender_route("all = true"), [](auto& c) { return c.routing.sender_routes[0].all; }},
      {"rewrite", rewrite, [](auto& c) { return c.routing.rewrites.size() == 1; }},
      {"rewrite.from", rewrite, [](auto& c) { return c.routing.rewrites[0].from == "@x.ru"; }},
      {"rewrite.to", rewrite, [](auto& c) { return c.routing.rewrites[0].to == "@y.ru"; }},
      {"rewrite.map", "[[rewrite]]\nmap = \"file:/m\"\n", [](auto& c) { return c.routing.rewrites[0].map == "/m"; }},
      {"journal", journal(""), [](auto& c) { return c.routing.journals.size() == 1; }},
      {"journal.to", journal(""), [](auto& c) { return c.routing.journals[0].to == "a@x.ru"; }},
      {"journal.via", journal(""), [](auto& c) { return c.routing.journals[0].via == "vk"; }},
      {"journal.senders", journal("senders = [\"@z.ru\"]"), [](auto& c) { return c.routing.journals[0].senders == List{"@z.ru"}; }},
      {"journal.recipients", journal("recipients = [\"u@z.ru\"]"), [](auto& c) { return c.routing.journals[0].recipients == List{"u@z.ru"}; }},
      {"list", list(reject), [](auto& c) { return c.routing.lists.size() == 1; }},
      {"list.action", list("action = \"discard\""), [](auto& c) { return c.routing.lists[0].action == Action::discard; }},
      {"list.senders", list(reject), [](auto& c) { return c.routing.lists[0].senders == List{"@x.ru"}; }},
      {"list.recipients", list(reject + "recipients = [\"@*.z.ru\"]"), [](auto& c) { return c.routing.lists[0].recipients == List{"@*.z.ru"}; }},
      {"list.clients", list(reject + "clients = [\"10.7.0.1\"]"), [](auto& c) { return c.routing.lists[0].clients.contains(*parse_ip("10.7.0.1")); }},
      {"list.reply", list(reject + "reply = \"no\""), [](auto& c) { return c.routing.lists[0].reply == "no"; }},
  };
}
// clang-format on

// clang-format off
std::vector<Effect> plugin_effects() {
  const std::string two = "[[plugin]]\npath = \"/x.so\"\noptions = { a = \"b\" }\nreplaces = [\"lists\"]\n";
  return {
      {"plugin", two, [](auto& c) { return c.plugins.size() == 1; }},
      {"plugin.path", two, [](auto& c) { return c.plugins[0].path == "/x.so"; }},
      {"plugin.options", two, [](auto& c) { return c.plugins[0].options.at("a") == "b"; }},
      {"plugin.replaces", two, [](auto& c) { return c.plugins[0].replaces == std::vector<std::string>{"lists"}; }},
  };
}
// clang-format on

// clang-format off
std::vector<Effect> policy_effects() {
  using OnFailure = routing::PolicyConfig::OnFailure;
  const auto of = [](const std::string& key, const std::string& value, std::function<bool(const routing::PolicyConfig&)> is) {
    std::string text = "[[policy]]\n";
    if (key != "name") text += "name = \"p\"\n";
    if (key != "server") text += "server = \"inet:127.0.0.1:10023\"\n";
    if (!key.empty()) text += key + " = " + value + "\n";
    return Effect{key.empty() ? "policy" : "policy." + key, text, [is](auto& c) { return is(c.routing.policies.at(0)); }};
  };
  return {
      of("", "", [](auto& p) { return p.name == "p"; }),
      of("name", "\"greylist\"", [](auto& p) { return p.name == "greylist"; }),
      of("server", "\"unix:/p\"", [](auto& p) { return p.server == "unix:/p"; }),
      of("timeout", "\"2s\"", [](auto& p) { return p.timeout == 2s; }),
      of("on_failure", "\"pass\"", [](auto& p) { return p.on_failure == OnFailure::pass; }),
      of("connections", "7", [](auto& p) { return p.connections == 7; }),
      of("recipients", "[\"@x.ru\"]", [](auto& p) { return p.recipients == std::vector<std::string>{"@x.ru"}; }),
      of("trusted", "true", [](auto& p) { return p.trusted; }),
  };
}
// clang-format on

// clang-format off
std::vector<Effect> tls_policy_effects() {
  const auto of = [](const std::string& key, const std::string& lines, std::function<bool(const routing::TlsPolicy&)> is) {
    return Effect{key, "[[tls_policy]]\ndomains = [\"corp.com\", \"*\"]\ntls = \"verify\"\n" + lines, [is](auto& c) { return is(c.routing.tls_policies.at(0)); }};
  };
  using List = std::vector<std::string>;
  return {
      of("tls_policy", "", [](auto&) { return true; }),
      of("tls_policy.domains", "", [](auto& p) { return p.domains == List{"corp.com", "*"}; }),
      of("tls_policy.tls", "", [](auto& p) { return p.tls == routing::TlsLevel::verify; }),
      of("tls_policy.names", "names = [\"Corp.com\", \"10.0.0.1\"]\n", [](auto& p) { return p.settings.names == List{"corp.com", "10.0.0.1"}; }),
      of("tls_policy.pins", "pins = [\"sha256:" + std::string(64, 'f') + "\"]\n", [](auto& p) { return p.settings.pins == List{std::string(32, '\xff')}; }),
      of("tls_policy.ca", "ca = \"/ca\"\n", [](auto& p) { return p.settings.ca == "/ca"; }),
      of("tls_policy.honour_tls_required_no", "honour_tls_required_no = false\n", [](auto& p) { return p.settings.honour_not_required == false; }),
  };
}
// clang-format on

}  // namespace postern::gateway
