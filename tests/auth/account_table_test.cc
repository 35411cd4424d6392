// SPDX-License-Identifier: Apache-2.0
#include "auth/account_table.h"

#include "auth/mechanism.h"
#include "auth/password_hash.h"

#include <gtest/gtest.h>

namespace postern::auth {
namespace {

// As mkpasswd and openssl make them.
constexpr const char* kYescrypt =
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7";
constexpr const char* kSha512 =
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnI"
    "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
constexpr const char* kPencil =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

TEST(ScramKeys, AreThoseOfAnotherProgram) {  // PostgreSQL's verifier for RFC 7677's example
  const auto verifier = parse_verifier(kPencil);
  ASSERT_TRUE(verifier);
  EXPECT_EQ(verifier->iterations, 4096U);
  EXPECT_EQ(format_verifier(*verifier), kPencil);
  EXPECT_EQ(make_verifier("pencil", verifier->salt, 4096), *verifier);
  EXPECT_TRUE(is_password_of(*verifier, "pencil"));
  EXPECT_FALSE(is_password_of(*verifier, "pencil "));
}

TEST(ScramKeys, RefuseVerifiersThatAreNone) {
  const std::string good(kPencil);
  for (const std::string& text : {std::string(),
                                  std::string("SCRAM-SHA-256$"),
                                  "x" + good,
                                  good + "x",
                                  good.substr(0, good.size() - 4),
                                  "SCRAM-SHA-256$1" + good.substr(14),
                                  "SCRAM-SHA-256$999999999" + good.substr(18),
                                  "SCRAM-SHA-256$1024" + good.substr(18),
                                  "SCRAM-SHA-1$" + good.substr(14)}) {
    if (text == "SCRAM-SHA-256$1" + good.substr(14)) continue;  // 14096 iterations: a good one
    EXPECT_FALSE(parse_verifier(text)) << text;
  }
}

TEST(PasswordHash, KnowsHashesOfOtherPrograms) {
  EXPECT_TRUE(is_password_hash(kSha512));
  EXPECT_TRUE(matches_hash(kSha512, "Hello world!"));
  EXPECT_FALSE(matches_hash(kSha512, "Hello world"));
  EXPECT_TRUE(is_password_hash(kYescrypt));
}

TEST(PasswordHash, MakesWhatItChecks) {
  for (const HashMethod method : {HashMethod::yescrypt, HashMethod::sha512}) {
    const std::string hash = hash_password("secret", method);
    EXPECT_TRUE(is_password_hash(hash)) << hash;
    EXPECT_TRUE(matches_hash(hash, "secret"));
    EXPECT_FALSE(matches_hash(hash, "Secret"));
    EXPECT_NE(hash, hash_password("secret", method));
  }
}

TEST(PasswordHash, RefusesOldMethodsAndHalves) {
  const std::string sha512(kSha512);
  for (const std::string& text : {std::string(),
                                  std::string("*"),
                                  std::string("secret"),
                                  std::string("abJnggxhB/yWI"),
                                  std::string("$1$abc$BXBqpb9BZcZhXLgbee.0s/"),
                                  std::string("$6$"),
                                  std::string("$6$saltstring$"),
                                  sha512.substr(0, sha512.size() - 1),
                                  sha512 + "x",
                                  "!" + sha512}) {
    EXPECT_FALSE(is_password_hash(text)) << text;
    EXPECT_FALSE(matches_hash(text, "secret")) << text;
  }
}

AccountTable& filled(AccountTable& table, std::initializer_list<std::string> lines) {
  for (const std::string& line : lines)
    table.add_line(line);
  return table;
}

TEST(AccountTable, FindsAccountsWithoutCaseAndChecksThem) {
  AccountTable table;
  filled(table,
         {"# a comment",
          "",
          std::string("Ann@company.ru:") + kSha512 + "\r",
          std::string("bob:") + kPencil});
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.ignored(), 0U);
  EXPECT_TRUE(table.check("ann@Company.RU", "Hello world!"));
  EXPECT_FALSE(table.check("ann@company.ru", "hello world!"));
  EXPECT_TRUE(table.check("bob", "pencil"));
  EXPECT_FALSE(table.check("bob", "Hello world!"));
  // The first account's password opens no account that is not there.
  EXPECT_FALSE(table.check("carl", "Hello world!"));
  EXPECT_FALSE(table.all_have_verifiers());
}

TEST(AccountTable, TakesBothKindsForOneAccount) {
  AccountTable table;
  filled(table, {std::string("ann:") + kSha512, std::string("ANN:") + kPencil});
  EXPECT_EQ(table.size(), 1U);
  EXPECT_TRUE(table.all_have_verifiers());
  EXPECT_TRUE(table.check("ann", "Hello world!"));
  EXPECT_EQ(table.verifier_for("Ann", "k"), *parse_verifier(kPencil));
  table.add_line(std::string("bob:") + kSha512);
  EXPECT_FALSE(table.all_have_verifiers());
}

TEST(AccountTable, MakesUpTheSameVerifierEachTimeForWhoIsNotThere) {
  AccountTable table;
  filled(table, {std::string("ann:") + kPencil});
  const ScramVerifier made_up = table.verifier_for("carl", "key");
  EXPECT_EQ(made_up, table.verifier_for("CARL", "key"));
  EXPECT_EQ(made_up.iterations, 4096U);
  EXPECT_EQ(made_up.salt.size(), 16U);
  EXPECT_NE(made_up.salt, table.verifier_for("carol", "key").salt);
  EXPECT_NE(made_up.salt, table.verifier_for("carl", "other key").salt);
}

TEST(AccountTable, SaysWhichLinesAreWrongWithoutTheirHashes) {
  AccountTable table;
  filled(table,
         {"ann",
          std::string("a b:") + kSha512,
          "carl:secret",
          std::string("ann:") + kSha512,
          std::string("ann:") + kSha512});
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.ignored(), 4U);
  ASSERT_EQ(table.problems().size(), 4U);
  EXPECT_EQ(table.problems()[0].line, 1U);
  EXPECT_EQ(table.problems()[3].line, 5U);
  for (const AccountTable::Problem& problem : table.problems()) {
    EXPECT_EQ(problem.what.find("secret"), std::string::npos);
    EXPECT_NE(problem.what.find("; "), std::string::npos) << problem.what;
  }
}

TEST(AccountTable, OpensToNobodyWhenItIsEmpty) {
  const AccountTable table;
  EXPECT_FALSE(table.check("ann", ""));
  EXPECT_FALSE(table.all_have_verifiers());
}

}  // namespace
}  // namespace postern::auth
