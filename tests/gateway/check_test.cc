// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"

#include "tests/gateway/config_support.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::gateway {
namespace {

/// A config that can be read, and the one finding that check must have about it.
struct Doubtful {
  std::string_view name;
  std::string text;
  Severity severity;
  unsigned line;
  std::string_view key;
  std::string_view code;
};

std::string with(std::string_view from, std::string_view to) {
  return replaced(kSmall, from, to);
}
std::string and_then(std::string_view more) {
  return std::string(kSmall) + std::string(more);
}

/// The name of a failed case.
std::ostream& operator<<(std::ostream& out, const Doubtful& doubtful) {
  return out << doubtful.name;
}

class Check : public testing::TestWithParam<Doubtful> {};

TEST_P(Check, FindsItAndNothingElse) {
  const Doubtful& doubtful = GetParam();
  const LoadResult loaded = parse(doubtful.text);
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const std::vector<Finding> findings = check(*loaded.config);
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings[0].severity, doubtful.severity);
  EXPECT_EQ(findings[0].line, doubtful.line) << shown(findings);
  EXPECT_EQ(findings[0].key, doubtful.key);
  EXPECT_EQ(findings[0].code, doubtful.code);
}

constexpr auto kInfo = Severity::info;
constexpr auto kWarning = Severity::warning;
constexpr auto kError = Severity::error;
constexpr std::string_view kLdap =
    "[[directory]]\nname = \"ad\"\nkind = \"ldap\"\nservers = [\"ldaps://dc1\"]\nbase = \"dc=x\"\n";
/// A server that is asked, with one more line.
std::string asked(std::string_view more) {
  return std::string(kLdap) + std::string(more) + "[recipients]\ndirectory = \"ldap:ad\"\n";
}
constexpr std::string_view kDirectory = "directory = \"file:/dev/null\"\n";

// clang-format off
const Doubtful kAll[] = {
    {"ThreadsBeyondConnections", and_then("[limits]\nthreads = 13\n"), kWarning, 23, "limits.threads", "threads-beyond-connections"},
    {"OpenRelayIpv4", with("10.0.1.0/24", "0.0.0.0/0"), kError, 21, "relay.allow_without_auth", "open-relay"},
    {"OpenRelayIpv6", with("\"10.0.1.0/24\"", "\"10.0.1.0/24\", \"::/0\""), kError, 21, "relay.allow_without_auth",
     "open-relay"},
    {"OpenRelayByAHalf", with("\"10.0.1.0/24\"", "\"10.0.1.0/24\", \"128.0.0.0/1\""), kError, 21,
     "relay.allow_without_auth", "open-relay"},
    {"BalancerR7a", and_then("[gateways]\nintermediate_mx = [\"10.0.1.7\"]\n"), kWarning, 23,
     "gateways.intermediate_mx", "balancer-open-relay"},
    {"EverybodyIsABalancer", with("\"0.0.0.0:25\"\n", "\"0.0.0.0:25\"\nproxy_protocol = [\"10.9.9.9\", \"0.0.0.0/0\"]\n"), kError, 5,
     "listener.proxy_protocol", "everybody-is-a-balancer"},
    {"EverybodySaysXclient", with("\"0.0.0.0:25\"\n", "\"0.0.0.0:25\"\nxclient = [\"::/0\"]\n"), kError, 5, "listener.xclient",
     "everybody-is-a-balancer"},
    {"XclientOfEverybodyR7a", with("\"0.0.0.0:25\"\n", "\"0.0.0.0:25\"\nxclient = [\"10.9.9.9\"]\n") +
     "[gateways]\nintermediate_mx = [\"10.9.9.0/24\"]\n", kError, 5, "listener.xclient", "everybody-says-xclient"},
    {"XclientOfABalancer", with("\"0.0.0.0:25\"\n", "\"0.0.0.0:25\"\nproxy_protocol = [\"10.9.9.9\"]\nxclient = [\"10.9.9.9\"]\n"), kWarning, 6,
     "listener.xclient", "xclient-of-a-balancer"},
    {"BalancerInTheAllowlist", with("\"0.0.0.0:25\"\n", "\"0.0.0.0:25\"\nproxy_protocol = [\"10.0.1.7\"]\n"), kWarning, 5,
     "listener.proxy_protocol", "proxy-in-allowlist"},
    {"MetricsForEverybody", and_then("[metrics]\nlisten = \"0.0.0.0:9925\"\n"), kWarning, 23, "metrics.listen", "metrics-open"},
    {"ListenerWithoutDomainR1", "[[listener]]\nname = \"mx\"\nbind = \"127.0.0.1:25\"\nrole = \"mx\"\n", kWarning, 4,
     "listener.role", "no-domain"},
    {"NoListener", "hostname = \"a.b\"\n", kWarning, 0, "", "no-listener"},
    {"LoopThroughAWildcard", replaced(with("10.0.1.10:25", "127.0.0.1:25"), "10.0.1.0/24", "127.0.0.1"), kError, 11, "next_hop.hosts", "loop"},
    {"LoopByName", with("[\"10.0.1.10:25\"]", "[\"10.0.1.10:25\", \"GW.company.ru\"]\nsources = [\"10.0.1.10\"]"), kError, 11, "next_hop.hosts",
     "loop"},
    {"LoopByAddress",
     replaced(with("0.0.0.0:25", "10.0.1.10:26"), "\"10.0.1.10:25\"", "\"10.0.1.10:26\""), kError, 11,
     "next_hop.hosts", "loop"},
    {"ExchangeByNameR7", with("[\"10.0.0.5:25\"]", "[\"10.0.0.5:25\", \"exchange.company.ru\"]"), kWarning, 7,
     "next_hop.hosts", "sources-by-name"},
    {"SmarthostByNameR7",
     and_then("[gateways]\nexternal = [\"out\"]\n[[next_hop]]\nname = \"out\"\nhosts = [\"smtp.provider.ru\"]\n"), kInfo, 26,
     "next_hop.hosts", "sources-by-name"},
    {"NextHopNeverUsed", and_then("[[next_hop]]\nname = \"dlp\"\nhosts = [\"10.0.2.20\"]\n"), kWarning, 23,
     "next_hop.name", "unused-next-hop"},
    {"RedirectAfterValidationR9",
     and_then("[recipients]\nvalidate = true\nunknown_redirect = \"exchange\"\n" + std::string(kDirectory)), kWarning,
     24, "recipients.unknown_redirect", "redirect-never"},
    {"RedirectWithoutDirectoryR9", and_then("[recipients]\nunknown_redirect = \"exchange\"\n"), kWarning, 23,
     "recipients.unknown_redirect", "no-directory"},
    {"ValidationWithoutDirectoryR8", and_then("[recipients]\nvalidate = true\n"), kWarning, 23, "recipients.validate",
     "no-directory"},
    {"RouteToTheMailboxesWithWavesR6",
     replaced(and_then("[recipients]\nunknown_redirect = \"exchange\"\n" + std::string(kDirectory) +
                       "[[wave]]\nname = \"a\"\nmembers = \"smtp:vk\"\n"), "via = \"exchange\"", "via = \"vk\""),
     kWarning, 19, "route.via", "route-to-mailboxes"},
    {"RouteToTheMailboxesWithACutoverListR6",
     replaced(replaced(and_then("[recipients]\nunknown_redirect = \"exchange\"\n" + std::string(kDirectory)),
                       "via = \"exchange\"", "via = \"vk\""), "mailboxes =", "cutover = \"/dev/null\"\nmailboxes ="),
     kWarning, 20, "route.via", "route-to-mailboxes"},
    {"AliasWithARouteR4", with("domains = [\"company.ru\"]", "domains = [\"company.ru\", \"tech.company.ru\"]"),
     kWarning, 18, "route.domains", "alias-routed"},
    {"AliasFollowsRouteR4", and_then("[routing]\nindependent_aliases = false\n"), kWarning, 18, "route.domains",
     "aliases-follow-route"},
    {"StageLeftOutR13",
     and_then("[routing]\nstages = [\"relay_access\", \"tech_alias\", \"custom_route\", \"mailboxes\"]\n"), kWarning, 23,
     "routing.stages", "stage-left-out"},
    {"StageOfARouteLeftOutR6",
     and_then("[routing]\nstages = [\"loop_guard\", \"relay_access\", \"tech_alias\", \"mailboxes\"]\n"), kWarning, 23,
     "routing.stages", "stage-left-out"},
    {"DirectoryMissing", and_then("[recipients]\ndirectory = \"file:/no/such\"\n"), kWarning, 23,
     "recipients.directory", "missing-file"},
    {"DirectoryIsAFolder", and_then("[recipients]\ndirectory = \"file:/\"\n"), kWarning, 23, "recipients.directory",
     "missing-file"},
    {"DirectoryInACombinationMissing", and_then("[recipients]\ndirectory = \"any:file:/dev/null file:/no/such\"\n"), kWarning,
     23, "recipients.directory", "missing-file"},
    {"DirectoryNobodyAsks", and_then(std::string(kLdap)), kWarning, 23, "directory.name", "unused-directory"},
    {"DirectoryAuthorityMissing", and_then(asked("ca = \"/no/such\"\n")), kWarning, 27, "directory.ca", "missing-file"},
    {"DirectoryNotVerified", and_then(asked("verify = false\n")), kWarning, 27, "directory.verify", "not-verified"},
    {"DirectorySecretInClear",
     replaced(and_then(asked("bind_dn = \"cn=p\"\nbind_password = \"file:/s\"\n")), "ldaps://", "ldap://"), kWarning, 25,
     "directory.servers", "secret-in-clear"},
    {"CutoverMissing", with("mailboxes =", "cutover = \"/no/such\"\nmailboxes ="), kWarning, 16, "domain.cutover",
     "missing-file"},
    {"CertificateMissing", and_then("[tls]\ncertificates = [{ cert = \"/no/such\", key = \"/dev/null\" }]\n"), kWarning,
     23, "tls.certificates.cert", "missing-file"},
    {"TraceKeyMissing", and_then("[routing]\ntrace_key = \"file:/no/such\"\n"), kWarning, 23, "routing.trace_key",
     "missing-file"},
    {"AccountsMissing", and_then("[auth]\naccounts = \"file:/no/such\"\n"), kWarning, 23, "auth.accounts",
     "missing-file"},
    {"SendersMissing", and_then("[auth]\nsenders = \"file:/no/such\"\n"), kWarning, 23, "auth.senders", "missing-file"},
    {"LoginWithoutTls", and_then("[[listener]]\nname = \"s\"\nbind = \"0.0.0.0:465\"\nrole = \"submission\"\ntls = \"none\"\n"
     "[auth]\naccounts = \"file:/dev/null\"\n"), kWarning, 26, "listener.tls", "no-login"},
};
// clang-format on

INSTANTIATE_TEST_SUITE_P(Table, Check, testing::ValuesIn(kAll), [](const auto& info) {
  return std::string(info.param.name);
});

TEST(CheckConfig, HasNothingToSayAboutASoundOne) {
  const LoadResult loaded = parse(kSmall);
  ASSERT_TRUE(loaded.config);
  EXPECT_TRUE(check(*loaded.config).empty()) << shown(check(*loaded.config));
}

TEST(CheckConfig, PasswordsInClearAreAWarning) {
  const LoadResult loaded =
      parse(and_then("[[listener]]\nname = \"s\"\nbind = \"0.0.0.0:465\"\nrole = "
                     "\"submission\"\nauth_without_tls = true\n"
                     "[auth]\naccounts = \"file:/dev/null\"\n"));
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const std::vector<Finding> findings = check(*loaded.config);
  EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [](const Finding& f) {
    return f.code == "clear-passwords" && f.line == 26;
  })) << shown(findings);
}

TEST(CheckConfig, AListenerOnAnotherPortOrAddressIsNoLoop) {
  const LoadResult loaded = parse(replaced(replaced(kSmall, "0.0.0.0:25", "127.0.0.2:25"),
                                           "10.0.1.10:25",
                                           "127.0.0.1:25\", \"127.0.0.2:26"));
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  for (const Finding& finding : check(*loaded.config))
    EXPECT_NE(finding.code, "loop");
}

TEST(CheckConfig, NoMoreWorkersThanANextHopGrantsConnections) {
  const LoadResult loaded = parse(kSmall);  // Exchange: 12 a host
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  EXPECT_EQ(workers_for(*loaded.config, 64), 12U);
  EXPECT_EQ(workers_for(*loaded.config, 2), 2U);
  EXPECT_EQ(workers_for(*loaded.config, 0), 1U);
}

TEST(CheckConfig, AcceptsTheExampleWithWarningsForFilesOnly) {
  const LoadResult loaded = load_config(example_path(), Environment{});
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  EXPECT_TRUE(loaded.findings.empty()) << shown(loaded.findings);
  for (const Finding& finding : check(*loaded.config)) {
    if (finding.severity == Severity::info) continue;
    EXPECT_EQ(finding.code, "missing-file") << format_text(finding);
    EXPECT_EQ(finding.severity, Severity::warning) << format_text(finding);
  }
}

}  // namespace
}  // namespace postern::gateway
