// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/proof_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

// Configs that are broken in one place, each with the finding that must name it: code, line and the
// letter's way. Lines are those of the changed text.

namespace postern::gateway::proof {
namespace {

using testing::HasSubstr;

struct Broken {
  std::string_view name;
  std::vector<Change> changes;
  Severity severity;
  unsigned line;
  std::string_view key;
  std::string_view code;
  std::string_view says;  ///< a part of the message: the way of the letter, or the cure
};

std::ostream& operator<<(std::ostream& out, const Broken& broken) {
  return out << broken.name;
}

class UnsoundConfig : public testing::TestWithParam<Broken> {};

TEST_P(UnsoundConfig, IsNamedByItsFindingAtTheRightLine) {
  const Broken& broken = GetParam();
  const LoadResult loaded = parse(changed(broken.changes));
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const Proof proof = prove(*loaded.config);
  const auto found =
      std::find_if(proof.findings.begin(), proof.findings.end(), [&broken](const Finding& f) {
        return f.code == broken.code && f.key == broken.key;
      });
  ASSERT_NE(found, proof.findings.end()) << shown(proof.findings);
  EXPECT_EQ(found->severity, broken.severity) << format_text(*found);
  EXPECT_EQ(found->line, broken.line) << format_text(*found);
  EXPECT_THAT(found->message, HasSubstr(broken.says));
  EXPECT_EQ(exit_status(proof.findings), static_cast<int>(broken.severity))
      << "nothing worse is said of it\n"
      << shown(proof.findings);
}

constexpr auto kInfo = Severity::info;
constexpr auto kWarning = Severity::warning;
constexpr auto kError = Severity::error;

// clang-format off
const Broken kAll[] = {
    // Loops.
    {"S9ExchangeIsNotKnownByItsAddress", {kNoConnectorListener, kWrongSources}, kError, 14, "next_hop.sources", "loop",
     "E -> exchange -> G(mx) -[custom_route]-> exchange -> G(mx): a loop"},
    {"S9WithoutLoopGuard", {kNoConnectorListener, kWrongSources, {"\"loop_guard\", ", ""}}, kError, 14, "next_hop.sources",
     "loop", "loop_guard is left out"},
    {"S9WithDependentAliases", {kNoConnectorListener, kWrongSources, {"independent_aliases = true", "independent_aliases = false"}},
     kError, 14, "next_hop.sources", "loop", "-[custom_route]-> exchange -> G(mx): a loop"},
    {"RedirectToTheNewPlatformR9", {{"unknown_redirect = \"exchange\"", "unknown_redirect = \"vk\""}}, kError, 36,
     "recipients.unknown_redirect", "loop",
     "G(exchange) -[unknown_recipient]-> vk -> G(mx) -[custom_route]-> exchange -> G(exchange): a loop"},
    {"RedirectToARelayR9", {{"unknown_redirect = \"exchange\"", "unknown_redirect = \"dlp\""}}, kError, 36,
     "recipients.unknown_redirect", "loop", "-[unknown_recipient]-> dlp -> exchange -> G(exchange): a loop"},
    {"RouteToTheNewPlatformR6", {{"via = \"exchange\"", "via = \"vk\""}}, kError, 33, "route.via", "loop",
     "G(exchange) -[custom_route]-> vk -> exchange -> G(exchange): a loop"},
    {"RouteToARelayR6", {{"via = \"exchange\"", "via = \"dlp\""}}, kError, 33, "route.via", "loop",
     "-[custom_route]-> dlp -> exchange -> G(exchange): a loop"},
    {"MailboxesInExchangeAsMainR4a", {{"mailboxes = \"vk\"", "mailboxes = \"exchange\"\ndeliver_as = \"main\""}}, kError, 29,
     "domain.mailboxes", "loop", "G(exchange) -[tech_alias]-> exchange -> G(exchange): a loop"},
    {"FilterIsNotKnownByItsAddressR7a",
     {{"hosts = [\"10.0.2.20:25\"]", "hosts = [\"10.0.2.20:25\"]\nsources = [\"10.7.7.7\"]"}}, kError, 26, "next_hop.sources",
     "loop", "-[external_gateway]-> dlp -> G(mx) -[external_gateway]-> dlp -> G(mx): a loop"},
    {"ExchangeBehindABalancerR7a", {kNoConnectorListener, {"[gateways]", "[gateways]\nintermediate_mx = [\"10.0.3.1\"]"}},
     kWarning, 35, "gateways.intermediate_mx", "hidden-origin", "write a [[listener]] with from = \"exchange\""},
    // Letters that rest nowhere, and copies that are missing.
    {"MailboxesInExchange", {{"mailboxes = \"vk\"", "mailboxes = \"exchange\""}}, kError, 29, "domain.mailboxes", "no-copy",
     "E -> exchange -> G(exchange): refused (split_horizon: 554 5.4.6)"},
    {"MailboxesInASecondExchange", {{"behaves = \"vk_workspace\"", "behaves = \"exchange\""}}, kError, 29, "domain.mailboxes",
     "no-copy", "G(exchange) -[tech_alias]-> vk -> G(mx): refused (split_horizon: 554 5.4.6)"},
    {"MailboxesStageLeftOut", {{"\"mailboxes\", ", ""}}, kError, 44, "routing.stages", "no-rest",
     "E -> G(mx): refused (end_of_stages: 550 5.4.4)"},
    {"CustomRouteStageLeftOutR6", {{"\"custom_route\", ", ""}}, kError, 44, "routing.stages", "no-copy",
     "E -> G(mx) -[mailboxes]-> vk: rests; the route of this domain is not asked"},
    {"MailboxesBeforeCustomRouteR6", {{"\"custom_route\", ", ""}, {"\"mailboxes\", ", "\"mailboxes\", \"custom_route\", "}}, kError,
     44, "routing.stages", "no-copy", "put \"custom_route\" before \"mailboxes\""},
    {"UnknownAfterMailboxesR9", {{"\"unknown_recipient\", \"mailboxes\"", "\"mailboxes\", \"unknown_recipient\""}}, kWarning, 44,
     "routing.stages", "no-rest", "E -> G(mx) -[tech_alias]-> vk: bounced (it has no such mailbox)"},
    {"NoWayToTheWorldR12", {{", \"dns_mx\"", ""}}, kError, 44, "routing.stages", "no-rest",
     "-[external_gateway]-> dlp -> G(mx): refused"},
    {"NoWayToTheWorldAtAllR11", {{", \"external_gateway\", \"dns_mx\"", ""}}, kError, 44, "routing.stages", "no-rest",
     "refused (end_of_stages: 550 5.4.4)"},
    {"OnePassIsTooFewR13", {{"max_own_passes = 2", "max_own_passes = 1"}}, kError, 43, "routing.max_own_passes", "no-copy",
     "E -> G(mx) -[custom_route]-> exchange -> G(exchange): refused (loop_guard: 554 5.4.6)"},
    {"TooFewHopsR13", {{"max_hops = 25", "max_hops = 2"}}, kError, 42, "routing.max_hops", "no-copy",
     "vk -> G(mx) -[custom_route]-> exchange -> G(exchange): refused (loop_guard: 554 5.4.6)"},
    {"SourcesOfExchangeCoverTheNewPlatformR7",
     {{"hosts = [\"10.0.0.5:25\"]", "hosts = [\"10.0.0.5:25\"]\nsources = [\"10.0.0.0/16\"]"}}, kError, 18, "next_hop.sources",
     "no-copy", "vk -> G(mx) -[mailboxes]-> vk: rests; mail from \"vk\" (10.0.1.10) counts as \"exchange\""},
    {"SourcesOfTheNewPlatformCoverExchangeR7",
     {kNoConnectorListener, {"hosts = [\"10.0.1.10:25\"]", "hosts = [\"10.0.1.10:25\"]\nsources = [\"10.0.0.0/16\"]"}}, kError, 18,
     "next_hop.sources", "no-copy", "E -> exchange -> G(mx): refused (split_horizon: 554 5.4.6)"},
    {"EverybodyIsExchangeR7", {{"hosts = [\"10.0.0.5:25\"]", "hosts = [\"10.0.0.5:25\"]\nsources = [\"0.0.0.0/0\"]"}}, kError, 18,
     "next_hop.sources", "no-rest", "counts as \"exchange\""},
    {"OneHostForBothR7", {{"10.0.1.10:25", "10.0.0.5:26"}}, kError, 17, "next_hop.hosts", "no-copy",
     "vk -> G(mx) -[mailboxes]-> vk: rests"},
    {"OnlyTheConnectorsListenerR7a", {{"[[listener]]\nname = \"mx\"\nbind = \"0.0.0.0:25\"\n", ""}}, kError, 5, "listener.from",
     "no-rest", "E -> G(exchange): refused (unknown_recipient: 550 5.1.1); anybody's mail comes in at \"exchange\""},
    {"MxListenerCountsAsTheNewPlatformR7a", {{"bind = \"0.0.0.0:25\"", "bind = \"0.0.0.0:25\"\nfrom = \"vk\""}}, kError, 5,
     "listener.from", "no-rest", "anybody's mail comes in at \"mx\" and counts as \"vk\""},
    {"ValidationWithoutARouteR8", {kNoRoute, {"validate = false", "validate = true"}}, kError, 32, "recipients.validate",
     "no-rest", "E -> G(mx): refused (address_validation: 550 5.1.1)"},
    {"ValidationRefusesTheOldServersUsersR8", {{"validate = false", "validate = true"}}, kWarning, 35, "recipients.validate",
     "no-rest", "user@tech.company.ru (not migrated) rests nowhere"},
    {"NoRedirectR9", {{"unknown_redirect = \"exchange\"\n", ""}}, kWarning, 34, "recipients.unknown_redirect", "no-rest",
     "E -> G(mx) -[tech_alias]-> vk: bounced (it has no such mailbox)"},
    {"NoDirectoryR9", {{"directory = \"file:/dev/null\"\n", ""}}, kWarning, 34, "recipients.directory", "no-rest",
     "-[tech_alias]-> vk: bounced"},
    // Who may send.
    {"NewPlatformNotAllowedS5", {{"\"10.0.1.0/24\", ", ""}}, kWarning, 29, "domain.mailboxes", "hop-not-allowed",
     "vk -> G(mx): refused (relay_access: 550 5.7.1); add 10.0.1.10 there"},
    {"ExchangeNotAllowedR2", {{"\"10.0.0.5\", ", ""}}, kWarning, 33, "route.via", "hop-not-allowed",
     "exchange -> G(exchange): refused (relay_access: 550 5.7.1); add 10.0.0.5 there"},
    {"ProviderInTheAllowlistR2", {{"\"10.0.1.0/24\"", "\"10.0.1.0/24\", \"93.184.0.0/16\""}}, kWarning, 14,
     "relay.allow_without_auth", "open-relay", "93.184.0.0/16 is a large part of the internet"},
    // Steps of the guide.
    {"NoRouteStep4", {kNoRoute}, kWarning, 27, "domain.name", "guide-step", "no route leads company.ru to \"exchange\""},
    {"NoAliasStep2", {{"aliases = [\"tech.company.ru\"]\n", ""}}, kWarning, 27, "domain.name", "guide-step",
     "company.ru has no alias"},
    {"NobodyIsTheMxOfTheAlias", {kNoConnectorListener, {"[[listener]]\nname = \"mx\"\nbind = \"0.0.0.0:25\"\n", ""}}, kWarning, 21,
     "domain.aliases", "no-mx-listener", "nobody is the MX of tech.company.ru"},
    {"ConnectorOnPort25Step1", {{"0.0.0.0:1025", "0.0.0.0:25"}, {"0.0.0.0:25\"\n[[listener]]", "0.0.0.0:26\"\n[[listener]]"}}, kWarning,
     8, "listener.from", "from-on-mx-port", "write a port of its own"},
    {"ConnectorsSizeStep1", {{"bind = \"0.0.0.0:1025\"", "bind = \"0.0.0.0:1025\"\nmax_message_size = \"20MiB\""}}, kWarning, 8,
     "listener.max_message_size", "size-below-exchange", "refused at \"exchange\""},
    {"MxSizeStep1", {{"bind = \"0.0.0.0:25\"", "bind = \"0.0.0.0:25\"\nmax_message_size = \"10MiB\""}}, kWarning, 5,
     "listener.max_message_size", "size-below-exchange", "refused at \"mx\""},
    {"MailboxesOfUnknownBehaviour", {{"behaves = \"vk_workspace\"\n", ""}}, kInfo, 20, "next_hop.name", "behaves-unknown",
     "is taken as \"final\""},
    {"RouteOfUnknownBehaviour", {{"behaves = \"exchange\"\n", ""}}, kInfo, 16, "next_hop.name", "behaves-unknown",
     "is taken as \"relay\""},
};
// clang-format on

INSTANTIATE_TEST_SUITE_P(Table, UnsoundConfig, testing::ValuesIn(kAll), [](const auto& info) {
  return std::string(info.param.name);
});

}  // namespace
}  // namespace postern::gateway::proof
