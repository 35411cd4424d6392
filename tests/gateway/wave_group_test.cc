// SPDX-License-Identifier: Apache-2.0
// Waves whose members are groups of a real LDAP server, as in Active Directory: (memberOf=...).
#include "directories/ask_pool.h"
#include "gateway/snapshot.h"
#include "support/slapd.h"
#include "tests/gateway/config_support.h"
#include "tools/decide.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using ::testing::HasSubstr;

std::string dn_of(std::string_view name) {
  return fmt::format("cn={},ou=people,{}", name, test::Slapd::kBase);
}

class WaveGroups : public ::testing::Test {
 protected:
  WaveGroups() {
    for (const char* name : {"anna", "boris", "zoya"})
      slapd_.add(test::Slapd::person(name, std::string(name) + "@company.ru"));
    slapd_.start();
    // The server itself keeps memberOf, where a group is made while it runs.
    slapd_.modify(group("pilot", "anna") + group("second", "boris"));
  }

  ~WaveGroups() override {
    snapshot_.reset();
    directories::join_leftover_threads();
  }

  static test::Slapd::Options with_member_of() {
    test::Slapd::Options out;
    out.extra = "moduleload memberof\n";
    out.database = "overlay memberof\n";
    return out;
  }
  static std::string group(std::string_view name, std::string_view member) {
    return fmt::format("dn: {}\nchangetype: add\nobjectClass: groupOfNames\ncn: {}\nmember: {}\n\n",
                       dn_of(name),
                       name,
                       dn_of(member));
  }
  void join(std::string_view name, std::string_view member) {
    slapd_.modify(fmt::format(
        "dn: {}\nchangetype: modify\nadd: member\nmember: {}\n", dn_of(name), dn_of(member)));
  }
  /// Nothing is cached: each decision is by the group as it is.
  std::string wave(std::string_view name, std::string_view state) const {
    return fmt::format(
        "[[wave]]\nname = \"{0}\"\nmembers = \"ldap:{0}\"\nstate = \"{1}\"\n"
        "[[directory]]\nname = \"{0}\"\nkind = \"ldap\"\nservers = [\"{2}\"]\nbase = \"{3}\"\n"
        "filter = \"(&(mail={{address}})(memberOf={4}))\"\nknown_for = \"0s\"\nunknown_for = "
        "\"0s\"\n",
        name,
        state,
        slapd_.url(),
        test::Slapd::kBase,
        dn_of(name));
  }
  void build(const std::string& waves) {
    LoadResult loaded = parse(std::string(kSmall) + waves);
    ASSERT_TRUE(loaded.config) << shown(loaded.findings);
    auto made = Snapshot::build(std::move(*loaded.config));
    ASSERT_TRUE(made) << shown(made.error());
    snapshot_ = *made;
  }
  routing::Decision decide(std::string_view to) const {
    const smtp::Sender sender;
    routing::Request request;
    request.client = *parse_ip("203.0.113.9");
    request.listener = "mx";
    request.sender = &sender;
    request.recipient = *smtp::Mailbox::parse(to);
    return tools::decide(snapshot_->pipeline(), request);
  }
  std::string outcome(std::string_view to) const {
    const routing::Decision decision = decide(to);
    if (decision.kind == routing::DecisionKind::route) return decision.target.name();
    return fmt::format("{} {}", decision.reply.code(), decision.reply.status().str());
  }

  test::Slapd slapd_{with_member_of()};
  std::shared_ptr<const Snapshot> snapshot_;
};

TEST_F(WaveGroups, WhoJoinsTheGroupOfAWaveThatIsCutOverIsCutOverR5) {
  build(wave("pilot", "cutover"));
  EXPECT_EQ(outcome("Anna+x@company.ru"), "vk");
  EXPECT_THAT(std::string(decide("anna@company.ru").told()),
              HasSubstr("wave pilot: cutover (ldap "));
  EXPECT_EQ(outcome("zoya@company.ru"), "exchange");
  join("pilot", "zoya");
  EXPECT_EQ(outcome("zoya@company.ru"), "vk");
  slapd_.kill();
  EXPECT_EQ(outcome("anna@company.ru"), "451 4.4.3");
  EXPECT_EQ(outcome("boris@company.ru"), "451 4.4.3");
}

TEST_F(WaveGroups, WhoIsInTwoGroupsWaitsUntilHeIsInOne) {
  build(wave("pilot", "cutover") + wave("second", "dual"));
  EXPECT_EQ(outcome("anna@company.ru"), "vk");
  EXPECT_EQ(outcome("boris@company.ru"), "exchange");
  join("second", "anna");
  EXPECT_EQ(outcome("anna@company.ru"), "451 4.3.5");
  const std::string reason(decide("anna@company.ru").reason());
  EXPECT_THAT(reason, HasSubstr("wave pilot: cutover"));
  EXPECT_THAT(reason, HasSubstr("wave second: dual"));
}

}  // namespace
}  // namespace postern::gateway
