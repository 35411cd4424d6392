// SPDX-License-Identifier: Apache-2.0
#include "auth/password_hash.h"
#include "gateway/check.h"
#include "tests/gateway/config_support.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::gateway {
namespace {

using ::testing::HasSubstr;

/// The one finding of a config that is sound but for these lines.
struct Broken {
  const char* more;
  unsigned line;
  const char* key;
  const char* code;
  const char* advice;
};

void expect_broken(const Broken& broken) {
  const LoadResult result = parse(std::string(kSmall) + broken.more);
  EXPECT_FALSE(result.config) << broken.more;
  ASSERT_EQ(result.findings.size(), 1U) << broken.more << shown(result.findings);
  const Finding& finding = result.findings[0];
  EXPECT_EQ(finding.line, broken.line) << broken.more;
  EXPECT_EQ(finding.key, broken.key);
  EXPECT_EQ(finding.code, broken.code);
  EXPECT_THAT(finding.message, HasSubstr(broken.advice));
}

TEST(ConfigAuth, SaysWhatIsWrongAndWhatToWrite) {
  expect_broken({"[auth]\nfailures_per_client = \"10\"\n",
                 23,
                 "auth.failures_per_client",
                 "bad-rate",
                 "\"10 in 10m\""});
  expect_broken({"[auth]\nfailures_per_account = \"0 in 1m\"\n",
                 23,
                 "auth.failures_per_account",
                 "bad-rate",
                 "\"10 in 10m\""});
  expect_broken({"[auth]\nfailures_per_account = \"3 in 500ms\"\n",
                 23,
                 "auth.failures_per_account",
                 "bad-rate",
                 "whole seconds"});
  expect_broken({"[auth]\nmechanisms = [\"CRAM-MD5\"]\n",
                 23,
                 "auth.mechanisms",
                 "bad-value",
                 "SCRAM-SHA-256"});
  expect_broken({"[auth]\nsenders = \"/etc/senders\"\n",
                 23,
                 "auth.senders",
                 "bad-value",
                 "\"file:/etc/senders\""});
  expect_broken(
      {"[auth]\nfailure_delay = \"1m\"\n", 23, "auth.failure_delay", "out-of-range", "15s"});
}

TEST(ConfigAuth, KnowsWhoHasTheAccounts) {
  expect_broken({"[[listener]]\nname = \"s\"\nbind = \"0.0.0.0:587\"\nauth = true\n",
                 25,
                 "listener.auth",
                 "no-accounts",
                 "[auth] accounts"});
  expect_broken({"[auth]\naccounts = \"ldap:people\"\n",
                 23,
                 "auth.accounts",
                 "unknown-directory",
                 "[[directory]]"});
  expect_broken(
      {"[auth]\naccounts = \"ldap:people\"\n[[directory]]\nname = \"people\"\n"
       "kind = \"ldap\"\nservers = [\"ldap://dc1\"]\nbase = \"dc=x\"\n"
       "filter = \"(mail=*)\"\nmode = \"bulk\"\n",
       23,
       "auth.accounts",
       "bad-value",
       "{address}"});
  // Two addresses of one local part would be one account, with the identity that a client chooses.
  expect_broken(
      {"[auth]\naccounts = \"ldap:people\"\n[[directory]]\nname = \"people\"\n"
       "kind = \"ldap\"\nservers = [\"ldaps://dc1\"]\nbase = \"dc=x\"\n"
       "filter = \"(uid={local})\"\n",
       23,
       "auth.accounts",
       "bad-value",
       "{address}"});
  for (const char* accounts : {"file:/a", "ldap:people", "dovecot:/run/auth"}) {
    const LoadResult result = parse(std::string(kSmall) + "[auth]\naccounts = \"" + accounts +
                                    "\"\n[[directory]]\nname = \"people\"\nkind = \"ldap\"\n"
                                    "servers = [\"ldaps://dc1\"]\nbase = \"dc=x\"\n");
    ASSERT_TRUE(result.config) << shown(result.findings);
    EXPECT_EQ(result.config->auth.accounts, accounts);
  }
}

TEST(ConfigAuth, ANextHopsLoginHasBothPartsAndTls) {
  const std::string hop = "[[next_hop]]\nname = \"three\"\nhosts = [\"10.9.9.9\"]\n";
  expect_broken({(hop + "user = \"relay\"\n").c_str(),
                 25,
                 "next_hop.user",
                 "missing-key",
                 "password = \"file:/path\""});
  expect_broken({(hop + "password = \"file:/p\"\n").c_str(),
                 25,
                 "next_hop.password",
                 "missing-key",
                 "user = "});
  expect_broken({(hop + "user = \"relay\"\npassword = \"file:/p\"\ntls = \"none\"\n").c_str(),
                 27,
                 "next_hop.tls",
                 "contradiction",
                 "tls = \"encrypt\""});
}

TEST(ConfigAuth, UsersLogInWhereThereAreAccountsUnlessTheListenerSaysOtherwise) {
  const std::string listeners =
      "[[listener]]\nname = \"s\"\nbind = \"0.0.0.0:587\"\nrole = \"submission\"\n"
      "[[listener]]\nname = \"t\"\nbind = \"0.0.0.0:588\"\nrole = \"submission\"\nauth = false\n"
      "[[listener]]\nname = \"u\"\nbind = \"0.0.0.0:589\"\nauth = true\n";
  const LoadResult with =
      parse(std::string(kSmall) + listeners + "[auth]\naccounts = \"file:/a\"\n");
  ASSERT_TRUE(with.config) << shown(with.findings);
  std::string offered;
  for (const ListenerConfig& listener : with.config->listeners) {
    if (offers_auth(*with.config, listener)) offered += listener.name + " ";
  }
  EXPECT_EQ(offered, "s u ");
}

/// What check says of an accounts file with this text and mode: "code line\n" each.
std::string checked(const std::string& text, mode_t mode, const std::string& more = {}) {
  const std::string file = ::testing::TempDir() + "postern-accounts." + std::to_string(::getpid());
  std::ofstream(file) << text;
  ::chmod(file.c_str(), mode);
  const LoadResult loaded =
      parse(std::string(kSmall) + "[auth]\naccounts = \"file:" + file + "\"\n" + more);
  std::string out;
  for (const Finding& finding : check(*loaded.config))
    out += finding.code + " " + finding.message + "\n";
  ::unlink(file.c_str());
  return out;
}

TEST(ConfigAuth, LooksIntoTheAccountsFile) {
  const std::string hash = auth::hash_password("x", auth::HashMethod::sha512);
  EXPECT_EQ(checked("# none yet\n", 0600), "");
  EXPECT_EQ(checked("ann:" + hash + "\n", 0640), "");
  EXPECT_THAT(checked("", 0644), ::testing::StartsWith("accounts-open "));
  const std::string bad = checked("\nann:plain\n", 0600);
  EXPECT_THAT(bad, ::testing::StartsWith("bad-account "));
  EXPECT_THAT(bad, HasSubstr(":2: "));
  EXPECT_THAT(bad, ::testing::Not(HasSubstr("plain\n")));
  EXPECT_THAT(checked("ann:" + hash + "\n", 0600, "mechanisms = [\"SCRAM-SHA-256\"]\n"),
              ::testing::StartsWith("scram-without-verifier "));
}

}  // namespace
}  // namespace postern::gateway
