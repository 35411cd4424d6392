// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/config_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace postern::gateway {
namespace {

/// A config with one wrong directory, and the finding that must be there.
struct Broken {
  std::string_view name;
  std::string more;  ///< behind kSmall; its first line is line 22
  unsigned line;
  std::string_view key;
  std::string_view code;
  std::string_view says;
};
std::ostream& operator<<(std::ostream& out, const Broken& broken) {
  return out << broken.name;
}

constexpr std::string_view kLdap =
    "[[directory]]\nname = \"ad\"\nkind = \"ldap\"\nservers = [\"ldaps://dc1\"]\nbase = \"dc=x\"\n";
std::string ldap(std::string_view more) {
  return std::string(kLdap) + std::string(more) + "\n";  // its first line is line 27
}
std::string sql(std::string_view more) {
  return "[[directory]]\nname = \"pg\"\nkind = \"sql\"\nconnection = \"host=db\"\n" +
         std::string(more) + "\n";  // its first line is line 26
}
std::string recipients(std::string_view setting, std::string_view more = kLdap) {
  return std::string(more) + "[recipients]\ndirectory = \"" + std::string(setting) + "\"\n";
}

class BrokenDirectory : public testing::TestWithParam<Broken> {};

TEST_P(BrokenDirectory, IsRefusedWithItsLineKeyAndAdvice) {
  const Broken& broken = GetParam();
  const LoadResult result = parse(std::string(kSmall) + broken.more);
  EXPECT_FALSE(result.config);
  const auto found =
      std::find_if(result.findings.begin(), result.findings.end(), [&broken](const Finding& f) {
        return f.code == broken.code && f.key == broken.key;
      });
  ASSERT_NE(found, result.findings.end()) << shown(result.findings);
  EXPECT_EQ(found->line, broken.line) << shown(result.findings);
  EXPECT_NE(found->message.find(broken.says), std::string::npos) << found->message;
  EXPECT_EQ(result.findings.size(), 1U) << shown(result.findings);
}

// clang-format off
const Broken kBroken[] = {
    {"NoName", "[[directory]]\nkind = \"smtp\"\nnext_hop = \"vk\"\n", 22, "directory", "missing-key", "\"name\""},
    {"NameWithSpace", "[[directory]]\nname = \"a d\"\nkind = \"smtp\"\nnext_hop = \"vk\"\n", 23, "directory.name", "bad-value", "letters"},
    {"NoKind", "[[directory]]\nname = \"ad\"\n", 22, "directory", "missing-key", "kind = \"ldap\""},
    {"UnknownKind", "[[directory]]\nname = \"ad\"\nkind = \"ldaps\"\n", 24, "directory.kind", "bad-value", "\"ldap\", \"sql\", \"smtp\""},
    {"KeyOfAnotherKind", ldap("query = \"SELECT $1\""), 27, "directory.query", "wrong-kind", "of kind \"sql\""},
    {"ConnectionsOfACallout", "[[directory]]\nname = \"v\"\nkind = \"smtp\"\nnext_hop = \"vk\"\nconnections = 2\n", 26, "directory.connections", "wrong-kind", "leave it out"},
    {"UnknownKey", ldap("server = \"x\""), 27, "directory.server", "unknown-key", "\"servers\""},
    {"NoServers", "[[directory]]\nname = \"ad\"\nkind = \"ldap\"\nbase = \"dc=x\"\n", 22, "directory", "missing-key", "servers = [\"ldaps://"},
    {"NoBase", "[[directory]]\nname = \"ad\"\nkind = \"ldap\"\nservers = [\"ldap://dc1\"]\n", 22, "directory", "missing-key", "base = \"dc="},
    {"EmptyServers", "[[directory]]\nname = \"ad\"\nkind = \"ldap\"\nbase = \"dc=x\"\nservers = []\n", 26, "directory.servers", "empty-value", "ldaps://"},
    {"ServerWithoutScheme", "[[directory]]\nname = \"ad\"\nkind = \"ldap\"\nbase = \"dc=x\"\nservers = [\"dc1\"]\n", 26, "directory.servers", "bad-server", "ldaps://"},
    {"TlsTwice", ldap("start_tls = true"), 25, "directory.servers", "tls-twice", "leave start_tls out"},
    {"UnbalancedFilter", ldap("filter = \"(mail={address}\""), 27, "directory.filter", "bad-filter", "RFC 4515"},
    {"UnknownPlaceholder", ldap("filter = \"(mail={adress})\""), 27, "directory.filter", "bad-filter", "{address}, {local} or {domain}"},
    {"FilterThatAsksNothing", ldap("filter = \"(mail=*)\""), 27, "directory.filter", "bad-filter", "mode = \"bulk\""},
    {"BulkFilterThatAsks", ldap("mode = \"bulk\"\nfilter = \"(mail={address})\""), 28, "directory.filter", "bad-filter", "(proxyAddresses=*)"},
    {"SecretInTheConfig", ldap("bind_dn = \"cn=p\"\nbind_password = \"secret\""), 28, "directory.bind_password", "bad-value", "file:/path"},
    {"HalfAnAccount", ldap("bind_dn = \"cn=p\""), 27, "directory.bind_dn", "half-an-account", "neither"},
    {"WrongScope", ldap("scope = \"tree\""), 27, "directory.scope", "bad-value", "\"sub\""},
    {"WrongAttribute", ldap("attributes = [\"mail, cn\"]"), 27, "directory.attributes", "bad-value", "\"mail\""},
    {"TimeoutTooLong", ldap("timeout = \"5m\""), 27, "directory.timeout", "out-of-range", "\"1m\""},
    {"CacheOfNothing", ldap("cache_size = 0"), 27, "directory.cache_size", "out-of-range", "from 1"},
    {"NoQuery", sql(""), 22, "directory", "missing-key", "query = \"SELECT"},
    {"QueryWithoutAddress", sql("query = \"SELECT 1\""), 26, "directory.query", "bad-query", "$1"},
    {"PasswordInTheConfig", sql("query = \"SELECT $1\"\npassword = \"x\""), 27, "directory.password", "bad-value", "file:/path"},
    {"CalloutToNobody", "[[directory]]\nname = \"v\"\nkind = \"smtp\"\nnext_hop = \"vkk\"\n", 25, "directory.next_hop", "unknown-next-hop", "[[next_hop]]"},
    {"MailFromIsNoAddress", "[[directory]]\nname = \"v\"\nkind = \"smtp\"\nnext_hop = \"vk\"\nmail_from = \"x\"\n", 26, "directory.mail_from", "bad-value", "null sender"},
    {"TwoOfOneName", std::string(kLdap) + std::string(kLdap), 28, "directory.name", "duplicate-name", "line 23"},
    {"SettingNamesNobody", recipients("ldap:unheard-of"), 28, "recipients.directory", "unknown-directory", "[[directory]]"},
    {"SettingIsNearlyRight", recipients("any:file:/a ldap:add"), 28, "recipients.directory", "unknown-directory", "\"ldap:ad\""},
    {"SettingOfAnotherKind", recipients("sql:ad"), 28, "recipients.directory", "unknown-directory", "write \"ldap:ad\""},
    {"CalloutSettingNamesNobody", recipients("smtp:exchang", ""), 23, "recipients.directory", "unknown-directory", "\"smtp:exchange\""},
    {"EmptyCombination", recipients("any:", ""), 23, "recipients.directory", "bad-value", "empty"},
    {"SettingWithoutScheme", recipients("any:/etc/m.txt", ""), 23, "recipients.directory", "bad-value", "\"file:/etc/m.txt\""},
    {"DomainSettingNamesNobody", "[[domain]]\nname = \"o.ru\"\nmailboxes = \"vk\"\ndirectory = \"ldap:ad\"\n", 25, "domain.directory", "unknown-directory", "[[directory]]"},
    {"CutoverNamesNobody", "[[domain]]\nname = \"o.ru\"\nmailboxes = \"vk\"\ncutover = \"ldap:left\"\n", 25, "domain.cutover", "unknown-directory", "[[directory]]"},
    {"CutoverOfNothing", "[[domain]]\nname = \"o.ru\"\nmailboxes = \"vk\"\ncutover = \"sql:\"\n", 25, "domain.cutover", "bad-value", "sql:NAME"},
};
// clang-format on

INSTANTIATE_TEST_SUITE_P(Config,
                         BrokenDirectory,
                         testing::ValuesIn(kBroken),
                         [](const testing::TestParamInfo<Broken>& info) {
                           return std::string(info.param.name);
                         });

TEST(DirectoryConfig, ASettingMayNameDirectoriesNextHopsAndCombinations) {
  for (const char* setting : {"ldap:ad",
                              "smtp:vk",
                              "any:file:/a ldap:ad",
                              "all:ldap:ad (any:smtp:vk smtp:exchange)",
                              "file:/a path (with all that)"}) {
    const LoadResult result = parse(std::string(kSmall) + recipients(setting));
    EXPECT_TRUE(result.config) << setting << "\n" << shown(result.findings);
  }
}

TEST(DirectoryConfig, R5ACutoverPathStaysAFileAndASettingIsOne) {
  const auto cutover = [](const std::string& text) {
    return parse(replaced(kSmall, "mailboxes =", "cutover = \"" + text + "\"\nmailboxes =") +
                 std::string(kLdap))
        .config.value()
        .routing.domains[0];
  };
  EXPECT_EQ(cutover("/etc/c.txt").cutover_file, "/etc/c.txt");
  EXPECT_EQ(cutover("file:/etc/c.txt").cutover_file, "/etc/c.txt");
  EXPECT_EQ(cutover("file:/etc/c.txt").cutover, "");
  EXPECT_EQ(cutover("ldap:ad").cutover_file, "");
  EXPECT_EQ(cutover("ldap:ad").cutover, "ldap:ad");
}

class DirectorySecret : public testing::Test {
 protected:
  DirectorySecret() { std::filesystem::create_directories(folder_); }
  ~DirectorySecret() override { std::filesystem::remove_all(folder_); }

  LoadResult load_with(std::string_view secret) const {
    if (secret != "none") std::ofstream(folder_ / "secret", std::ios::binary) << secret;
    const std::string file = (folder_ / "secret").string();
    std::ofstream(folder_ / "c.toml", std::ios::binary)
        << kSmall << ldap("bind_dn = \"cn=p\"\nbind_password = \"file:" + file + "\"");
    return load_config((folder_ / "c.toml").string(), Environment{});
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-secret-" + std::to_string(::getpid()));
};

TEST_F(DirectorySecret, IsReadFromItsFileWithoutTheLineEnd) {
  const LoadResult result = load_with("s3 cret\r\n");
  ASSERT_TRUE(result.config) << shown(result.findings);
  EXPECT_EQ(result.config->directories[0].ldap.bind_password, "s3 cret");
}

TEST_F(DirectorySecret, AFileThatGivesNoneIsAnErrorAtItsLine) {
  for (const std::string_view secret : {std::string_view("none"), std::string_view("\n")}) {
    const LoadResult result = load_with(secret);
    EXPECT_FALSE(result.config);
    ASSERT_EQ(result.findings.size(), 1U) << shown(result.findings);
    EXPECT_EQ(result.findings[0].code, "unreadable-secret");
    EXPECT_EQ(result.findings[0].line, 28U);
    EXPECT_EQ(result.findings[0].key, "directory.bind_password");
  }
}

}  // namespace
}  // namespace postern::gateway
