// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/config_effects.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;

const ListenerConfig& listener(const Config& c) {
  return c.listeners.back();
}
const routing::NextHop& hop(const Config& c) {
  return c.routing.next_hops.back();
}
const routing::Domain& domain(const Config& c) {
  return c.routing.domains.back();
}

std::string in_listener(const std::string& line) {
  return "[[listener]]\nname = \"two\"\nbind = \"[::1]:26\"\n" + line +
         "\n[tls]\ncertificates = [{ cert = \"/c\", key = \"/k\" }]\n";
}
// Behind [relay], the last of the small config.
std::string by_print() {
  return "allow_with_certificate = [{ name = \"printer\", fingerprint = \"sha256:AB" +
         std::string(62, '0') + "\" }]\n";
}
std::string by_host() {
  return "allow_with_certificate = [{ name = \"branch\", host = \"Relay.Branch.RU\", ca = "
         "\"/ca\" }]\n";
}
std::string in_hop(const std::string& line) {
  return "[[next_hop]]\nname = \"three\"\nhosts = [\"10.9.9.9\", \"mail.company.ru\"]\n" + line +
         "\n";
}
std::string weighted_hop(const std::string& keys) {
  return "[[next_hop]]\nname = \"three\"\nhosts = [{ " + keys + " }]\n";
}
std::string in_domain(const std::string& line) {
  return "[[domain]]\nname = \"other.ru\"\nmailboxes = \"vk\"\n" + line + "\n";
}
std::string in(const std::string& section, const std::string& line) {
  return "[" + section + "]\n" + line + "\n";
}

// clang-format off
std::vector<Effect> service_effects() {
  using L = ListenerTls;
  return {
      {"hostname", "!hostname = \"mail.x.ru\"", [](auto& c) { return c.hostname == "mail.x.ru" && c.routing.hostname == "mail.x.ru"; }},
      {"data_dir", "!data_dir = \"/d\"", [](auto& c) { return c.data_dir == "/d"; }},
      {"listener", in_listener(""), [](auto& c) { return c.listeners.size() == 2; }},
      {"listener.name", in_listener(""), [](auto& c) { return listener(c).name == "two"; }},
      {"listener.bind", in_listener(""), [](auto& c) { return listener(c).bind == "[::1]:26"; }},
      {"listener.role", in_listener("role = \"submission\""), [](auto& c) { return listener(c).role == routing::Role::submission; }},
      {"listener.from", in_listener("from = \"exchange\""), [](auto& c) { return listener(c).from == "exchange"; }},
      {"listener.delivery", in_listener("delivery = \"cut_through\""), [](auto& c) { return listener(c).delivery == Delivery::cut_through; }},
      {"listener.tls", in_listener("tls = \"implicit\""), [](auto& c) { return listener(c).tls == L::implicit; }},
      {"listener.max_message_size", in_listener("max_message_size = \"1MiB\""), [](auto& c) { return listener(c).max_message_size == 1ULL << 20; }},
      {"listener.max_recipients", in_listener("max_recipients = 7"), [](auto& c) { return listener(c).max_recipients == 7; }},
      {"listener.binarymime", in_listener("binarymime = true"), [](auto& c) { return listener(c).binarymime; }},
      {"listener.auth", in_listener("auth = false"), [](auto& c) { return listener(c).auth == false; }},
      {"listener.auth_without_tls", in_listener("auth_without_tls = true"), [](auto& c) { return listener(c).auth_without_tls; }},
      {"listener.ask_certificate", in_listener("tls = \"starttls\"\nask_certificate = true"), [](auto& c) { return listener(c).ask_certificate; }},
      {"listener.proxy_protocol", in_listener("proxy_protocol = [\"10.0.0.9\"]"), [](auto& c) { return listener(c).proxy_protocol.contains(*parse_ip("10.0.0.9")); }},
      {"listener.xclient", in_listener("xclient = [\"10.0.0.8\"]"), [](auto& c) { return listener(c).xclient.contains(*parse_ip("10.0.0.8")); }},
      {"listener.xforward", in_listener("xforward = [\"10.0.0.7\"]"), [](auto& c) { return listener(c).xforward.contains(*parse_ip("10.0.0.7")); }},
      {"metrics", in("metrics", "listen = \"127.0.0.1:9925\""), [](auto& c) { return c.metrics.listen == "127.0.0.1:9925"; }},
      {"metrics.listen", in("metrics", "listen = \"127.0.0.1:9925\""), [](auto& c) { return c.metrics.listen == "127.0.0.1:9925"; }},
      {"tls", in_listener(""), [](auto& c) { return c.tls.certificates.size() == 1; }},
      {"tls.certificates", in_listener(""), [](auto& c) { return c.tls.certificates.size() == 1; }},
      {"tls.certificates.cert", in_listener(""), [](auto& c) { return c.tls.certificates[0].cert == "/c"; }},
      {"tls.certificates.key", in_listener(""), [](auto& c) { return c.tls.certificates[0].key == "/k"; }},
      {"auth", in("auth", "accounts = \"file:/a\""), [](auto& c) { return !c.auth.accounts.empty(); }},
      {"auth.accounts", in("auth", "accounts = \"file:/a\""), [](auto& c) { return c.auth.accounts == "file:/a"; }},
      {"auth.senders", in("auth", "senders = \"file:/s\""), [](auto& c) { return c.auth.senders == "file:/s"; }},
      {"auth.mechanisms", in("auth", "mechanisms = [\"plain\"]"), [](auto& c) { return c.auth.mechanisms == std::vector<std::string>{"PLAIN"}; }},
      {"auth.failures_per_client", in("auth", "failures_per_client = \"7 in 1m30s\""), [](auto& c) { return c.auth.limits.per_client == auth::Rate{7, 90s}; }},
      {"auth.failures_per_account", in("auth", "failures_per_account = \"8 in 1h\""), [](auto& c) { return c.auth.limits.per_account == auth::Rate{8, 1h}; }},
      {"auth.failure_delay", in("auth", "failure_delay = \"2s\""), [](auto& c) { return c.auth.failure_delay == 2s; }},
      {"retry", in("retry", "first = \"2m\""), [](auto& c) { return c.retry.first == 120s; }},
      {"retry.first", in("retry", "first = \"2m\""), [](auto& c) { return c.retry.first == 120s; }},
      {"retry.max", in("retry", "max = \"1h\""), [](auto& c) { return c.retry.max == 1h; }},
      {"retry.lifetime", in("retry", "lifetime = \"2d\""), [](auto& c) { return c.retry.lifetime == 48h; }},
      {"retry.reports_per_minute", in("retry", "reports_per_minute = 7"), [](auto& c) { return c.retry.reports_per_minute == 7; }},
      {"retry.warn_after", in("retry", "warn_after = \"1h\""), [](auto& c) { return c.retry.warn_after == 1h; }},
      {"log", in("log", "file = \"/l\""), [](auto& c) { return c.log.file == "/l"; }},
      {"log.file", in("log", "file = \"/l\""), [](auto& c) { return c.log.file == "/l"; }},
      {"log.format", in("log", "format = \"json\""), [](auto& c) { return c.log.format == LogFormat::json; }},
      {"log.level", in("log", "level = \"debug\""), [](auto& c) { return c.log.level == "debug"; }},
      {"dns", in("dns", "tries = 2"), [](auto& c) { return c.dns.tries == 2; }},
      {"dns.servers", in("dns", "servers = [\"10.0.0.53\"]"), [](auto& c) { return c.dns.servers == std::vector<std::string>{"10.0.0.53"}; }},
      {"dns.timeout", in("dns", "timeout = \"700ms\""), [](auto& c) { return c.dns.timeout == 700ms; }},
      {"dns.trust_ad", in("dns", "trust_ad = true"), [](auto& c) { return c.dns.trust_ad; }},
      {"dns.reverse_lookup", in("dns", "reverse_lookup = false"), [](auto& c) { return !c.dns.reverse_lookup; }},
      {"dns.reverse_timeout", in("dns", "reverse_timeout = \"300ms\""), [](auto& c) { return c.dns.reverse_timeout == 300ms; }},
      {"dns.tries", in("dns", "tries = 2"), [](auto& c) { return c.dns.tries == 2; }},
  };
}
// clang-format on

// clang-format off
std::vector<Effect> limit_effects() {
  std::vector<Effect> out = {
      {"limits", in("limits", "threads = 3"), [](auto& c) { return c.limits.threads == 3; }},
      {"limits.sessions", in("limits", "sessions = 3"), [](auto& c) { return c.limits.sessions == 3; }},
      {"limits.body_memory", in("limits", "body_memory = \"3MiB\""), [](auto& c) { return c.limits.body_memory == 3U << 20; }},
      {"limits.body_memory_wait", in("limits", "body_memory_wait = \"3s\""), [](auto& c) { return c.limits.body_memory_wait == 3s; }},
      {"record", in("record", "envelopes = 0"), [](auto& c) { return c.record.envelopes == 0; }},
      {"record.envelopes", in("record", "envelopes = 5"), [](auto& c) { return c.record.envelopes == 5; }},
      {"record.hash", in("record", "hash = true"), [](auto& c) { return c.record.hash; }},
      {"mta_sts", in("mta_sts", "ca = \"/ca\""), [](auto& c) { return c.mta_sts.ca == "/ca"; }},
      {"mta_sts.ca", in("mta_sts", "ca = \"/ca\""), [](auto& c) { return c.mta_sts.ca == "/ca"; }},
      {"tls_report", in("tls_report", "from = \"p@x.ru\""), [](auto& c) { return c.tls_report.organization == "x.ru"; }},
      {"tls_report.from", in("tls_report", "from = \"p@x.ru\""), [](auto& c) { return c.tls_report.contact == "p@x.ru"; }},
      {"tls_report.organization", in("tls_report", "from = \"p@x.ru\"\norganization = \"X\""), [](auto& c) { return c.tls_report.organization == "X"; }},
      {"tls_report.contact", in("tls_report", "from = \"p@x.ru\"\ncontact = \"y\""), [](auto& c) { return c.tls_report.contact == "y"; }},
      {"limits.disk_reserve", in("limits", "disk_reserve = \"3MiB\""), [](auto& c) { return c.limits.disk_reserve == 3U << 20; }},
      {"limits.sessions_per_client", in("limits", "sessions_per_client = 3"), [](auto& c) { return c.limits.sessions_per_client == 3; }},
      {"limits.connections_per_client", in("limits", "connections_per_client = \"7 in 1m\""), [](auto& c) { return c.limits.clients.connections == auth::Rate{7, 60s}; }},
      {"limits.messages_per_client", in("limits", "messages_per_client = \"8 in 1m\""), [](auto& c) { return c.limits.clients.messages == auth::Rate{8, 60s}; }},
      {"limits.recipients_per_client", in("limits", "recipients_per_client = \"9 in 1h\""), [](auto& c) { return c.limits.clients.recipients == auth::Rate{9, 1h}; }},
      {"limits.client_prefix_v4", in("limits", "client_prefix_v4 = 24"), [](auto& c) { return c.limits.clients.prefix_v4 == 24; }},
      {"limits.client_prefix_v6", in("limits", "client_prefix_v6 = 48"), [](auto& c) { return c.limits.clients.prefix_v6 == 48; }},
      {"limits.exempt", in("limits", "exempt = [\"10.7.0.1\"]"), [](auto& c) { return c.limits.clients.exempt && c.limits.clients.exempt->contains(*parse_ip("10.7.0.1")); }},
      {"limits.data_rate", in("limits", "data_rate = 0"), [](auto& c) { return c.limits.server.data_rate == 0; }},
      {"limits.threads", in("limits", "threads = 3"), [](auto& c) { return c.limits.threads == 3; }},
      {"limits.command_line", in("limits", "command_line = 4096"), [](auto& c) { return c.limits.server.command_line_octets == 4096; }},
      {"limits.header_size", in("limits", "header_size = \"64KiB\""), [](auto& c) { return c.limits.server.header_octets == 65536; }},
      {"limits.errors", in("limits", "errors = 3"), [](auto& c) { return c.limits.server.errors == 3; }},
      {"limits.messages_per_session", in("limits", "messages_per_session = 3"), [](auto& c) { return c.limits.server.messages == 3; }},
      {"limits.delivery", in("limits.delivery", "quit_timeout = \"7s\""), [](auto& c) { return c.limits.client_timeouts.quit == 7s; }},
  };
  using Server = std::chrono::seconds smtp::ServerTimeouts::*;
  const std::pair<const char*, Server> server[] = {{"command_timeout", &smtp::ServerTimeouts::command},
                                                   {"data_timeout", &smtp::ServerTimeouts::data_block},
                                                   {"message_timeout", &smtp::ServerTimeouts::message},
                                                   {"tls_timeout", &smtp::ServerTimeouts::tls},
                                                   {"session_lifetime", &smtp::ServerTimeouts::session},
                                                   {"proxy_timeout", &smtp::ServerTimeouts::proxy},
                                                   {"reply_timeout", &smtp::ServerTimeouts::flush}};
  for (const auto& [name, member] : server) {
    const Server m = member;
    out.push_back({std::string("limits.") + name, in("limits", std::string(name) + " = \"7s\""),
                   [m](auto& c) { return c.limits.server_timeouts.*m == 7s; }});
  }
  using Client = std::chrono::seconds smtp::ClientTimeouts::*;
  const std::pair<const char*, Client> client[] = {
      {"connect_timeout", &smtp::ClientTimeouts::connect}, {"greeting_timeout", &smtp::ClientTimeouts::greeting},
      {"ehlo_timeout", &smtp::ClientTimeouts::ehlo},       {"tls_timeout", &smtp::ClientTimeouts::tls},
      {"mail_timeout", &smtp::ClientTimeouts::mail},       {"rcpt_timeout", &smtp::ClientTimeouts::rcpt},
      {"data_timeout", &smtp::ClientTimeouts::data},       {"data_block_timeout", &smtp::ClientTimeouts::data_block},
      {"data_done_timeout", &smtp::ClientTimeouts::data_done}, {"rset_timeout", &smtp::ClientTimeouts::rset},
      {"quit_timeout", &smtp::ClientTimeouts::quit}};
  for (const auto& [name, member] : client) {
    const Client m = member;
    out.push_back({std::string("limits.delivery.") + name, in("limits.delivery", std::string(name) + " = \"7s\""),
                   [m](auto& c) { return c.limits.client_timeouts.*m == 7s; }});
  }
  return out;
}
// clang-format on

// clang-format off
std::vector<Effect> routing_effects() {
  using Tls = routing::NextHop::Tls;
  return {
      {"relay", "", [](auto& c) { return c.routing.allow_without_auth.prefixes().size() == 2; }},
      {"relay.allow_with_certificate", by_print(), [](auto& c) { return c.tls.clients.size() == 1; }},
      {"relay.allow_with_certificate.name", by_print(), [](auto& c) { return c.tls.clients[0].name == "printer"; }},
      {"relay.allow_with_certificate.fingerprint", by_print(), [](auto& c) { return c.tls.clients[0].fingerprint == "ab" + std::string(62, '0'); }},
      {"relay.allow_with_certificate.host", by_host(), [](auto& c) { return c.tls.clients[0].host == "relay.branch.ru"; }},
      {"relay.allow_with_certificate.ca", by_host(), [](auto& c) { return c.tls.clients[0].ca == "/ca"; }},
      {"relay.allow_without_auth", "", [](auto& c) { return c.routing.allow_without_auth.contains(*parse_ip("10.0.1.9")); }},
      {"next_hop", in_hop(""), [](auto& c) { return c.routing.next_hops.size() == 3; }},
      {"next_hop.name", in_hop(""), [](auto& c) { return hop(c).name == "three"; }},
      {"next_hop.hosts", in_hop(""), [](auto& c) { return hop(c).hosts.size() == 2 && hop(c).hosts[1].host == "mail.company.ru"; }},
      {"next_hop.hosts.host", weighted_hop("host = \"10.9.9.9:26\""), [](auto& c) { return hop(c).weighted && hop(c).hosts[0].host == "10.9.9.9" && hop(c).hosts[0].port == 26; }},
      {"next_hop.hosts.priority", weighted_hop("host = \"a\", priority = 7"), [](auto& c) { return hop(c).hosts[0].priority == 7; }},
      {"next_hop.hosts.weight", weighted_hop("host = \"mx:a.ru\", weight = 0"), [](auto& c) { return hop(c).hosts[0].mx && hop(c).hosts[0].weight == 0; }},
      {"next_hop.probe", in_hop("probe = \"30s\""), [](auto& c) { return hop(c).probe == 30s; }},
      {"next_hop.behaves", in_hop("behaves = \"final\""), [](auto& c) { return hop(c).behaves == routing::Behaviour::final; }},
      {"next_hop.sources", in_hop("sources = [\"10.8.0.0/16\"]"), [](auto& c) { return hop(c).sources.contains(*parse_ip("10.8.1.1")) && c.unresolved_sources.empty(); }},
      {"next_hop.chunking", in_hop("chunking = false"), [](auto& c) { return !hop(c).chunking; }},
      {"next_hop.user", in_hop("user = \"relay\"\npassword = \"file:/p\""), [](auto& c) { return hop(c).login.user == "relay"; }},
      {"next_hop.password", in_hop("user = \"relay\"\npassword = \"file:/p\""), [](auto& c) { return hop(c).login.password_file == "/p"; }},
      {"next_hop.tls_name", in_hop("tls_name = \"MX.x.ru\""), [](auto& c) { return hop(c).tls_settings.names == std::vector<std::string>{"mx.x.ru"}; }},
      {"next_hop.tls_pins", in_hop("tls = \"verify\"\ntls_pins = [\"sha256:" + std::string(64, '0') + "\"]"), [](auto& c) { return hop(c).tls_settings.pins == std::vector<std::string>{std::string(32, '\0')}; }},
      {"next_hop.tls_ca", in_hop("tls = \"verify\"\ntls_ca = \"/ca\""), [](auto& c) { return hop(c).tls_settings.ca == "/ca"; }},
      {"next_hop.honour_tls_required_no", in_hop("tls = \"verify\"\nhonour_tls_required_no = true"), [](auto& c) { return hop(c).tls_settings.honour_not_required == true; }},
      {"next_hop.tls", in_hop("tls = \"encrypt\""), [](auto& c) { return hop(c).tls == Tls::encrypt; }},
      {"next_hop.max_connections", in_hop("max_connections = 3"), [](auto& c) { return hop(c).limits.connections_per_host == 3; }},
      {"next_hop.max_recipients", in_hop("max_recipients = 3"), [](auto& c) { return hop(c).limits.recipients_per_transaction == 3; }},
      {"next_hop.retry_first", in_hop("retry_first = \"3s\""), [](auto& c) { return hop(c).limits.retry_first == 3s; }},
      {"next_hop.retry_max", in_hop("retry_max = \"3s\""), [](auto& c) { return hop(c).limits.retry_max == 3s; }},
      {"next_hop.messages_per_minute", in_hop("messages_per_minute = 3"), [](auto& c) { return hop(c).limits.messages_per_minute == 3; }},
      {"next_hop.max_messages", in_hop("max_messages = 3"), [](auto& c) { return hop(c).limits.messages_per_connection == 3; }},
      {"next_hop.connection_lifetime", in_hop("connection_lifetime = \"3m\""), [](auto& c) { return hop(c).limits.connection_lifetime == 3min; }},
      {"next_hop.idle_timeout", in_hop("idle_timeout = \"0s\""), [](auto& c) { return hop(c).limits.idle == 0s; }},
      {"domain", in_domain(""), [](auto& c) { return c.routing.domains.size() == 2; }},
      {"domain.name", in_domain(""), [](auto& c) { return domain(c).name == "other.ru"; }},
      {"domain.aliases", in_domain("aliases = [\"T.Other.ru\"]"), [](auto& c) { return domain(c).aliases == std::vector<std::string>{"t.other.ru"}; }},
      {"domain.mailboxes", in_domain(""), [](auto& c) { return domain(c).mailboxes == "vk"; }},
      {"domain.cutover", in_domain("cutover = \"/c.txt\""), [](auto& c) { return domain(c).cutover_file == "/c.txt"; }},
      {"domain.directory", in_domain("directory = \"file:/d\""), [](auto& c) { return domain(c).directory == "file:/d"; }},
      {"domain.dual_delivery", in_domain("dual_delivery = \"file:/two.txt\""), [](auto& c) { return domain(c).dual_delivery == "/two.txt"; }},
      {"domain.deliver_as", in_domain("aliases = [\"t.other.ru\"]\ndeliver_as = \"main\""), [](auto& c) { return domain(c).deliver_as == routing::DeliverAs::main; }},
      {"route", "", [](auto& c) { return c.routing.routes.size() == 1; }},
      {"route.domains", "", [](auto& c) { return c.routing.routes[0].domains == std::vector<std::string>{"company.ru"}; }},
      {"route.via", "", [](auto& c) { return c.routing.routes[0].via == "exchange"; }},
      {"route.delivery", "[[route]]\ndomains = [\"x.ru\"]\nvia = \"vk\"\ndelivery = \"queue\"\n", [](auto& c) { return c.routing.routes.back().delivery == Delivery::queue; }},
      {"recipients", in("recipients", "validate = true"), [](auto& c) { return c.routing.recipients.validate; }},
      {"recipients.validate", in("recipients", "validate = true"), [](auto& c) { return c.routing.recipients.validate; }},
      {"recipients.unknown_redirect", in("recipients", "unknown_redirect = \"exchange\""), [](auto& c) { return c.routing.recipients.unknown_redirect == "exchange"; }},
      {"recipients.directory", in("recipients", "directory = \"file:/m\""), [](auto& c) { return c.routing.recipients.directory == "file:/m"; }},
      {"recipients.case_sensitive", in("recipients", "case_sensitive = true"), [](auto& c) { return c.routing.recipients.case_sensitive; }},
      {"recipients.delimiter", in("recipients", "delimiter = \"\""), [](auto& c) { return c.routing.recipients.delimiter.empty(); }},
      {"gateways", in("gateways", "internal = [\"vk\"]"), [](auto& c) { return !c.routing.gateways.internal.empty(); }},
      {"gateways.intermediate_mx", in("gateways", "intermediate_mx = [\"10.7.0.1\"]"), [](auto& c) { return c.routing.gateways.intermediate_mx.contains(*parse_ip("10.7.0.1")); }},
      {"gateways.internal", in("gateways", "internal = [\"vk\"]"), [](auto& c) { return c.routing.gateways.internal[0] == "vk"; }},
      {"gateways.external", in("gateways", "external = [\"vk\"]"), [](auto& c) { return c.routing.gateways.external[0] == "vk"; }},
      {"routing", in("routing", "max_hops = 9"), [](auto& c) { return c.routing.routing.max_hops == 9; }},
      {"routing.independent_aliases", in("routing", "independent_aliases = false"), [](auto& c) { return !c.routing.routing.independent_aliases; }},
      {"routing.max_hops", in("routing", "max_hops = 9"), [](auto& c) { return c.routing.routing.max_hops == 9; }},
      {"routing.max_own_passes", in("routing", "max_own_passes = 3"), [](auto& c) { return c.routing.routing.max_own_passes == 3; }},
      {"routing.trace_key", in("routing", "trace_key = \"0123456789abcdef\""), [](auto& c) { return c.routing.routing.trace_key == "0123456789abcdef"; }},
      {"routing.stages", in("routing", "stages = [\"mailboxes\"]"), [](auto& c) { return c.routing.routing.stages == std::vector<std::string>{"mailboxes"}; }},
  };
}
// clang-format on

TEST(ConfigEffect, EveryKeyArrivesWhereItBelongs) {
  std::vector<Effect> effects = service_effects();
  for (auto* more : {limit_effects,
                     routing_effects,
                     wave_effects,
                     directory_effects,
                     ways_effects,
                     policy_effects,
                     tls_policy_effects,
                     plugin_effects}) {
    for (Effect& effect : more())
      effects.push_back(std::move(effect));
  }
  std::set<std::string> shown_keys;
  for (const Effect& effect : effects) {
    const std::string text =
        effect.text.starts_with('!') ? effect.text.substr(1) : std::string(kSmall) + effect.text;
    const LoadResult result = parse(text);
    ASSERT_TRUE(result.config) << effect.key << "\n" << shown(result.findings);
    EXPECT_TRUE(effect.arrived(*result.config)) << effect.key;
    shown_keys.insert(effect.key);
  }
  const std::vector<std::string> keys = config_keys();
  EXPECT_EQ(shown_keys, std::set<std::string>(keys.begin(), keys.end()));
}

TEST(ConfigEffect, AnEmptyFileIsAConfigThatRelaysNothing) {  // R1
  const LoadResult result = parse_config("", "t.toml", Environment{std::nullopt, "gw.local"});
  ASSERT_TRUE(result.config);
  EXPECT_EQ(result.config->hostname, "gw.local");
  EXPECT_TRUE(result.config->listeners.empty());
  EXPECT_TRUE(result.config->routing.domains.empty());
  EXPECT_TRUE(result.config->routing.allow_without_auth.empty());
  EXPECT_EQ(result.config->routing.routing.stages, routing::default_stages());
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].code, "empty");
  EXPECT_EQ(exit_status(result.findings), 1);
}

TEST(ConfigEffect, ExchangeGetsItsLimitsAndNoBdat) {
  const LoadResult result = parse(kSmall);
  ASSERT_TRUE(result.config) << shown(result.findings);
  EXPECT_TRUE(result.findings.empty()) << shown(result.findings);
  const routing::NextHop& exchange = result.config->routing.next_hops[0];
  EXPECT_FALSE(exchange.chunking);
  EXPECT_EQ(exchange.limits.connections_per_host, 12U);
  EXPECT_TRUE(result.config->routing.next_hops[1].chunking);
}

TEST(ConfigEffect, SourcesAreTheHostsAddressesAndNamesAreNoted) {  // R7
  const LoadResult result = parse(
      "[[next_hop]]\nname = \"a\"\nhosts = [\"10.0.0.5:26\", \"mail.x.ru\"]\n"
      "[[next_hop]]\nname = \"b\"\nhosts = [\"mx:x.ru\"]\nsources = [\"10.1.0.0/16\"]\n");
  ASSERT_TRUE(result.config) << shown(result.findings);
  const Config& config = *result.config;
  EXPECT_TRUE(config.routing.next_hops[0].sources.contains(*parse_ip("10.0.0.5")));
  EXPECT_EQ(config.unresolved_sources, std::vector<std::string>{"a"});
  EXPECT_TRUE(config.routing.next_hops[1].hosts[0].mx);
  EXPECT_TRUE(config.routing.next_hops[1].sources.contains(*parse_ip("10.1.2.3")));
}

TEST(ConfigEffect, DeliverAsIsAliasWhereThereIsOne) {  // R4a
  EXPECT_EQ(parse(kSmall).config->routing.domains[0].deliver_as, routing::DeliverAs::alias);
  const LoadResult without = parse(replaced(kSmall, "aliases = [\"tech.company.ru\"]\n", ""));
  EXPECT_EQ(without.config->routing.domains[0].deliver_as, routing::DeliverAs::main);
}

TEST(ConfigEffect, OurAddressValidateHasTheLastWord) {  // R8
  const std::string off = std::string(kSmall) + "[recipients]\nvalidate = false\n";
  const std::string on = std::string(kSmall) + "[recipients]\nvalidate = true\n";
  EXPECT_TRUE(parse_config(off, "t", Environment{"1", "h"}).config->routing.recipients.validate);
  EXPECT_FALSE(parse_config(on, "t", Environment{"0", "h"}).config->routing.recipients.validate);
  EXPECT_TRUE(parse_config(kSmall, "t", Environment{"1", "h"}).config->routing.recipients.validate);
  for (const char* wrong : {"", "yes", "2", "true", " 1"}) {
    const LoadResult result = parse_config(off, "t", Environment{wrong, "h"});
    EXPECT_FALSE(result.config) << wrong;
    ASSERT_EQ(result.findings.size(), 1U);
    EXPECT_EQ(result.findings[0].code, "bad-environment");
    EXPECT_EQ(result.findings[0].line, 23U);
  }
}

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() { std::filesystem::create_directories(folder_); }
  ~ConfigFile() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-config-" + std::to_string(::getpid()));
};

TEST_F(ConfigFile, TheTraceKeyMayStandInAFileOfItsOwn) {
  const std::string key = write("key", "0123456789abcdef0123456789abcdef\n");
  const std::string config = write("c.toml", "[routing]\ntrace_key = \"file:" + key + "\"\n");
  const LoadResult result = load_config(config, Environment{});
  ASSERT_TRUE(result.config) << shown(result.findings);
  EXPECT_EQ(result.config->routing.routing.trace_key, "0123456789abcdef0123456789abcdef");
}

TEST_F(ConfigFile, WhatAFileWillBeHasItsSecretsToo) {
  const std::string secret = write("secret", "sesame\n");
  const std::string text =
      "[[directory]]\nname = \"d\"\nkind = \"sql\"\nconnection = \"host=db\"\n"
      "query = \"SELECT $1\"\npassword = \"file:" +
      secret + "\"\n";
  const LoadResult result = load_config_text(text, "c.toml", Environment{});
  ASSERT_TRUE(result.config) << shown(result.findings);
  EXPECT_EQ(result.config->directories.at(0).sql.password, "sesame");
}

TEST_F(ConfigFile, ATraceKeyFileThatIsTooShortIsAnErrorAtItsLine) {
  const std::string key = write("key", "secret\n");
  const std::string config = write("c.toml", "[routing]\ntrace_key = \"file:" + key + "\"\n");
  const LoadResult result = load_config(config, Environment{});
  EXPECT_FALSE(result.config);
  ASSERT_FALSE(result.findings.empty());
  EXPECT_EQ(result.findings.back().line, 2U);
  EXPECT_EQ(result.findings.back().code, "bad-value");
}

TEST_F(ConfigFile, OneThatIsNotThereOrIsAFolderIsUnreadable) {
  for (const std::string& path : {(folder_ / "none.toml").string(), folder_.string()}) {
    const LoadResult result = load_config(path, Environment{});
    EXPECT_FALSE(result.config);
    ASSERT_EQ(result.findings.size(), 1U) << path;
    EXPECT_EQ(result.findings[0].code, "unreadable") << shown(result.findings);
  }
}

}  // namespace
}  // namespace postern::gateway
