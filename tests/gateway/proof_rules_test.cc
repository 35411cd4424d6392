// SPDX-License-Identifier: Apache-2.0
// Rules that name senders and recipients, and stages of a site's own.
#include "gateway/proof/letters.h"
#include "gateway/proof/world.h"
#include "routing/replies.h"
#include "routing/stage.h"
#include "tests/gateway/proof_support.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

namespace postern::gateway::proof {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

Proof proved(const std::string& text) {
  const LoadResult loaded = parse(text);
  EXPECT_TRUE(loaded.config) << shown(loaded.findings);
  return loaded.config ? prove(*loaded.config) : Proof();
}

std::vector<std::string> codes(const Proof& proof) {
  std::vector<std::string> out;
  for (const Finding& finding : proof.findings)
    out.push_back(finding.code);
  return out;
}

constexpr std::string_view kOneServer = R"(hostname = "gw.company.ru"
[[listener]]
name = "mx"
bind = "0.0.0.0:25"
[[next_hop]]
name = "vk"
hosts = ["10.0.1.10:25"]
behaves = "vk_workspace"
[relay]
allow_without_auth = ["10.0.1.10"]
)";

std::string domain(std::string_view name) {
  return fmt::format("[[domain]]\nname = \"{}\"\nmailboxes = \"vk\"\n", name);
}

std::string domains(int number) {
  std::string out;
  for (int i = 0; i < number; ++i)
    out += domain(fmt::format("d{}.ru", i));
  return out;
}

/// R2: a certificate opens the way to anywhere, so that its letters are followed too.
TEST(ProofShapes, AClientWithACertificateIsAClassOfItsOwn) {
  const auto senders = [](const std::string& listener, const std::string& relay) {
    const std::string text =
        replaced(kOneServer, "bind = \"0.0.0.0:25\"\n", "bind = \"0.0.0.0:25\"\n" + listener) +
        relay + "[tls]\ncertificates = [{ cert = \"/c\", key = \"/k\" }]\n" + domain("company.ru");
    const LoadResult loaded = parse(text);
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    const auto world = World::build(*loaded.config);
    std::vector<std::string> out;
    for (const Beginning& beginning : beginnings(**world, nullptr)) {
      if (beginning.origin == Origin::authenticated) out.push_back(beginning.start.identity);
    }
    return out;
  };
  const std::string asks = "tls = \"starttls\"\nask_certificate = true\n";
  const std::string known = "allow_with_certificate = [{ name = \"printer\", fingerprint = \"" +
                            std::string(64, '0') + "\" }]\n";
  EXPECT_THAT(senders(asks, known), testing::ElementsAre("certificate:printer"));
  EXPECT_THAT(senders("tls = \"starttls\"\n", known), testing::IsEmpty());
  EXPECT_THAT(senders(asks, ""), testing::IsEmpty());
}

TEST(ProofShapes, ARewriteLeadsToADomainOfOursThatLooksLikeAnother) {
  const std::string rewrite = "[[rewrite]]\nfrom = \"@old.ru\"\nto = \"@company.ru\"\n";
  for (const auto& [first, second] :
       {std::pair("old.ru", "company.ru"), std::pair("company.ru", "old.ru")}) {
    const Proof proof = proved(std::string(kOneServer) + domain(first) + domain(second) + rewrite);
    EXPECT_TRUE(proof.findings.empty()) << shown(proof.findings);
    EXPECT_EQ(proof.shapes, 2U) << "the rule tells them apart";
  }
}

TEST(ProofShapes, ADomainThatARuleNamesIsFollowedBesideThoseOfItsShape) {
  const Proof listed = proved(std::string(kOneServer) + domains(100) +
                              "[[list]]\naction = \"discard\"\nrecipients = [\"@d70.ru\"]\n");
  EXPECT_EQ(listed.shapes, 2U);
  EXPECT_THAT(shown(listed.findings), HasSubstr("mail for user@d70.ru"));
  EXPECT_THAT(codes(listed), Contains("no-rest"));
}

TEST(ProofShapes, HoweverManyDomainsTheRulesNameABoundedNumberIsFollowed) {
  std::string rewrites;
  for (int i = 0; i < 1500; ++i)
    rewrites += fmt::format("[[rewrite]]\nfrom = \"@d{}.ru\"\nto = \"@d{}.ru\"\n", i, 1500 + i);
  const Proof proof = proved(std::string(kOneServer) + domains(3000) + rewrites);
  EXPECT_EQ(proof.domains, 3000U);
  EXPECT_GT(proof.shapes, 10U);
  EXPECT_LT(proof.shapes, 100U);
  EXPECT_TRUE(proof.findings.empty()) << shown(proof.findings);
}

/// A stage of a site's own.
class OwnStage final : public routing::Stage {
 public:
  using Say = std::function<routing::Verdict(const routing::Progress&)>;
  OwnStage(std::string name, Say say) : name_(std::move(name)), say_(std::move(say)) {}
  std::string_view name() const override { return name_; }
  routing::Answer evaluate(const routing::Progress& progress) const override {
    return say_(progress);
  }

 private:
  std::string name_;
  Say say_;
};

Config with_stage(std::string_view text, const std::string& name, const OwnStage::Say& say) {
  LoadResult loaded = parse(text);
  EXPECT_TRUE(loaded.config) << shown(loaded.findings);
  if (!loaded.config) return {};
  auto stages = std::make_shared<routing::Registry>();
  stages->add(name, [name, say](const routing::StageSources&) {
    return std::make_unique<OwnStage>(name, say);
  });
  loaded.config->routing.more_stages = std::move(stages);
  std::vector<std::string>& order = loaded.config->routing.routing.stages;
  if (std::find(order.begin(), order.end(), name) == order.end()) order.insert(order.begin(), name);
  return std::move(*loaded.config);
}

routing::Verdict passes() {
  return {routing::Pass{}, "nothing to say"_text};
}

TEST(ProofOfOwnStages, NoDomainIsAsAnotherToAPlugIn) {
  const auto say = [](const routing::Progress& progress) -> routing::Verdict {
    if (progress.recipient.domain() != "d30.ru") return passes();
    return {routing::Reject{smtp::Reply(550, {5, 7, 1}, "no"_text)}, "not d30.ru"_text};
  };
  const std::string text = std::string(kOneServer) + domains(40);
  const Proof proof = prove(with_stage(text, "own", say));
  EXPECT_EQ(proof.shapes, 40U);
  EXPECT_THAT(shown(proof.findings), HasSubstr("mail for user@d30.ru"));
  const Proof many = prove(with_stage(std::string(kOneServer) + domains(1000), "own", say));
  EXPECT_LT(many.shapes, 100U);
}

TEST(ProofOfOwnStages, OneInThePlaceOfCutoverIsTheOneThatIsProved) {
  const auto say = [](const routing::Progress& progress) -> routing::Verdict {
    if (progress.domain == nullptr) return passes();
    return {routing::Reject{smtp::Reply(550, {5, 7, 1}, "no"_text)}, "nobody is"_text};
  };
  const Proof proof = prove(with_stage(kCoexistence, "cutover", say));
  EXPECT_THAT(shown(proof.findings), HasSubstr("refused (cutover: 550 5.7.1)"));
}

TEST(ProofOfOwnStages, WhoIsAskedForTimeHasNoRightToRelay) {
  const auto say = [](const routing::Progress& progress) -> routing::Verdict {
    const bool elsewhere = progress.domain == nullptr && progress.origins.empty();
    if (!elsewhere) return passes();
    return {routing::Defer{routing::replies::directory_unavailable()}, "later"_text};
  };
  const Proof proof = prove(with_stage(kCoexistence, "grey", say));
  EXPECT_THAT(codes(proof), Not(Contains("open-relay"))) << shown(proof.findings);
}

/// The sound config with rules of its own; `dlp` is no gateway but by them.
std::string ruled(const std::string& rules, std::vector<Change> changes = {}) {
  changes.insert(changes.end(),
                 {
                     {"external = [\"dlp\"]\n", ""                                               },
                     {"\"relay_access\", ",     "\"relay_access\", \"lists\", \"sender_route\", "}
  });
  return changed(changes) + rules;
}

/// The filter's host is none of its sources: what it gives back is not known as its own.
constexpr Change kFilterUnknown{"hosts = [\"10.0.2.20:25\"]",
                                "hosts = [\"10.0.2.20:25\"]\nsources = [\"10.7.7.7\"]"};

TEST(ProofOfSenders, AFilterOfTheirsThatGivesMailBackFromAnotherAddressCirclesR7a) {
  for (const char* whom : {"senders = [\"@company.ru\"]",
                           "senders = [\"@*.company.ru\"]",
                           "senders = [\"boss@company.ru\"]",
                           "senders = [\"*\"]",
                           "senders = [\"\"]",
                           "clients = [\"10.0.0.0/8\"]"}) {
    const std::string rule = fmt::format("[[sender_route]]\n{}\nvia = \"dlp\"\n", whom);
    const Proof sound = proved(ruled(rule));
    EXPECT_TRUE(sound.findings.empty()) << whom << "\n" << shown(sound.findings);
    const Proof proof = proved(ruled(rule, {kFilterUnknown}));
    EXPECT_THAT(codes(proof), Contains("loop")) << whom;
    EXPECT_THAT(shown(proof.findings), HasSubstr("-[sender_route]-> dlp -> G(mx): a loop")) << whom;
    EXPECT_THAT(shown(proof.findings), HasSubstr("none of its sources")) << whom;
  }
}

TEST(ProofOfSenders, AListThatNamesSomeOfThemIsNoFault) {
  for (const char* rule :
       {"action = \"discard\"\nsenders = [\"\"]",
        "action = \"reject\"\nsenders = [\"@spam.ru\", \"\"]",
        "action = \"reject\"\nsenders = [\"@spam.ru\"]",
        "action = \"discard\"\nsenders = [\"\"]\nrecipients = [\"@company.ru\"]"}) {
    const Proof proof = proved(ruled(fmt::format("[[list]]\n{}\n", rule)));
    EXPECT_TRUE(proof.findings.empty()) << rule << "\n" << shown(proof.findings);
  }
}

TEST(ProofOfSenders, AListThatMeansEverybodyIsAFault) {
  for (const char* senders : {"", "senders = [\"*\"]\n"}) {
    const Proof proof = proved(ruled(fmt::format(
        "[[list]]\naction = \"discard\"\n{}recipients = [\"@company.ru\"]\n", senders)));
    EXPECT_THAT(codes(proof), Contains("no-rest")) << senders;
  }
}

TEST(ProofOfSenders, OneWhoseOwnWayLosesMailIsNamed) {
  const Proof proof =
      proved(ruled("[[sender_route]]\nsenders = [\"@company.ru\"]\nvia = \"vk\"\nall = true\n"));
  EXPECT_THAT(shown(proof.findings), HasSubstr("from sender@company.ru"));
  EXPECT_TRUE(std::any_of(proof.findings.begin(), proof.findings.end(), [](const Finding& f) {
    return f.key == "sender_route.via";
  })) << shown(proof.findings);
}

TEST(ProofOfSenders, OneOfEachClassIsFollowedAndNoMoreThanAFew) {
  const std::size_t alone = proved(ruled("")).letters;
  std::string same;
  for (int i = 0; i < 500; ++i)
    same += fmt::format("\"@s{}.ru\", ", i);
  const std::string list = "[[list]]\naction = \"discard\"\nsenders = [{}]\n";
  EXPECT_EQ(proved(ruled(fmt::format(fmt::runtime(list), same))).letters, 2 * alone);
  std::string own;
  for (int i = 0; i < 100; ++i)
    own += fmt::format(fmt::runtime(list), fmt::format("\"@s{}.ru\"", i));
  const Proof many = proved(ruled(own));
  EXPECT_GT(many.letters, 5 * alone);
  EXPECT_LT(many.letters, 20 * alone);
}

}  // namespace
}  // namespace postern::gateway::proof
