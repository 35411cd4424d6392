// SPDX-License-Identifier: Apache-2.0
#include "auth/mechanism.h"

#include "auth/client_mechanism.h"
#include "auth/scram_server.h"
#include "base/base64.h"

#include <gtest/gtest.h>

namespace postern::auth {
namespace {

using M = Mechanism;
using Why = M::Failed::Why;
using namespace std::string_literals;

MechanismContext context(std::string nonce = "srv") {
  MechanismContext out;
  out.nonce = std::move(nonce);
  return out;
}

std::string challenge_of(const M::Step& step) {
  const auto* challenge = std::get_if<M::Challenge>(&step);
  return challenge != nullptr ? challenge->octets : "(no challenge)";
}
std::optional<Why> failure_of(const M::Step& step) {
  const auto* failed = std::get_if<M::Failed>(&step);
  return failed != nullptr ? std::optional(failed->why) : std::nullopt;
}
std::string asked(const M::Step& step) {
  const auto* check = std::get_if<M::CheckPassword>(&step);
  return check != nullptr ? check->name + "/" + check->password : "(nothing)";
}

TEST(Plain, TakesTheMessageOfTheRfc) {  // RFC 4616 section 4
  const auto plain = make_mechanism("PLAIN", context());
  EXPECT_EQ(challenge_of(plain->begin(std::nullopt)), "");
  EXPECT_EQ(asked(plain->next("\0tim\0tanstaaftanstaaf"s)), "tim/tanstaaftanstaaf");
  EXPECT_EQ(plain->name(), "tim");
  EXPECT_TRUE(std::holds_alternative<M::Done>(plain->checked(true)));
}

TEST(Plain, RefusesAWrongPasswordAndWhoActsForAnother) {
  const auto wrong = make_mechanism("PLAIN", context());
  wrong->begin("\0tim\0x"s);
  EXPECT_EQ(failure_of(wrong->checked(false)), Why::refused);
  // RFC 4616 section 4: "Ursel" wants to be "Kurt".
  const auto other = make_mechanism("PLAIN", context());
  EXPECT_EQ(failure_of(other->begin("Ursel\0Kurt\0xipj3plmq"s)), Why::refused);
  const auto same = make_mechanism("PLAIN", context());
  EXPECT_EQ(asked(same->begin("Kurt\0Kurt\0xipj3plmq"s)), "Kurt/xipj3plmq");
}

TEST(Plain, RefusesWhatIsNoMessageOfIt) {
  for (const std::string& message :
       {""s, "tim"s, "\0tim"s, "\0\0p"s, "\0t m\0p"s, "\0\xff\0p"s, "\0t\rm\0p"s}) {
    const auto plain = make_mechanism("PLAIN", context());
    EXPECT_EQ(failure_of(plain->begin(message)), Why::malformed) << to_base64(message);
  }
  for (const std::string& message :
       {"\0tim\0"s, "\0tim\0a\0b"s, "\0tim\0"s + std::string(512, 'x')}) {
    const auto plain = make_mechanism("PLAIN", context());
    EXPECT_EQ(failure_of(plain->begin(message)), Why::refused) << to_base64(message);
  }
}

TEST(Login, AsksTwiceOrOnce) {
  const auto twice = make_mechanism("LOGIN", context());
  EXPECT_EQ(challenge_of(twice->begin(std::nullopt)), "Username:");
  EXPECT_EQ(challenge_of(twice->next("ann@company.ru")), "Password:");
  EXPECT_EQ(asked(twice->next("secret")), "ann@company.ru/secret");
  const auto once = make_mechanism("LOGIN", context());
  EXPECT_EQ(challenge_of(once->begin("ann")), "Password:");
  EXPECT_EQ(asked(once->next("secret")), "ann/secret");
  const auto none = make_mechanism("LOGIN", context());
  EXPECT_EQ(failure_of(none->begin("")), Why::malformed);
}

TEST(Mechanisms, AreFoundWithoutCaseAndOnlyThese) {
  EXPECT_EQ(canonical_mechanism("scram-sha-256-plus"), "SCRAM-SHA-256-PLUS");
  EXPECT_EQ(canonical_mechanism("plain"), "PLAIN");
  EXPECT_EQ(canonical_mechanism("CRAM-MD5"), "");
  EXPECT_EQ(make_mechanism("CRAM-MD5", context()), nullptr);
  for (const std::string& name : mechanism_names())
    EXPECT_NE(make_mechanism(name, context()), nullptr) << name;
}

// RFC 7677 section 3: user "user", password "pencil".
constexpr const char* kClientNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr const char* kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr const char* kFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

ScramVerifier pencil() {
  return make_verifier("pencil", *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
}

TEST(Scram, GoesAsInTheRfc) {
  const auto scram = make_mechanism("SCRAM-SHA-256", context(kServerNonce));
  const M::Step first = scram->begin("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  ASSERT_TRUE(std::holds_alternative<M::WantVerifier>(first));
  EXPECT_EQ(std::get<M::WantVerifier>(first).name, "user");
  EXPECT_EQ(challenge_of(scram->give(pencil())),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  EXPECT_EQ(challenge_of(scram->next(kFinal)), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  EXPECT_TRUE(std::holds_alternative<M::Done>(scram->next("")));
}

TEST(Scram, TheClientsHalfGoesAsInTheRfcToo) {
  const auto client =
      make_client_mechanism("SCRAM-SHA-256", {"user", "pencil"}, context(kClientNonce));
  EXPECT_EQ(client->begin(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  const auto answer = client->next(
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, kFinal);
  EXPECT_FALSE(client->is_satisfied());
  EXPECT_FALSE(client->next("v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
  EXPECT_FALSE(client->is_satisfied());
  EXPECT_TRUE(client->next("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
  EXPECT_TRUE(client->is_satisfied());
}

TEST(Scram, TheClientDoesNotComputeForeverForAServer) {
  for (const char* count : {"4095", "600001", "10000000"}) {
    const auto client =
        make_client_mechanism("SCRAM-SHA-256", {"user", "pencil"}, context(kClientNonce));
    client->begin();
    const std::string challenge =
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=" + std::string(count);
    const auto answer = client->next(challenge);
    ASSERT_FALSE(answer) << count;
    EXPECT_EQ(answer.error(), "too few iterations, or too many");
  }
}

struct Exchange {
  std::string mechanism = "SCRAM-SHA-256";
  std::string password = "pencil";
  std::string name = "user";
  ChannelBindings of_client;
  ChannelBindings of_server;
  bool offered_plus = false;
};

/// Both halves against each other; what the server says last.
M::Step run(const Exchange& how) {
  MechanismContext ours = context("srv");
  ours.bindings = how.of_server;
  ours.offered_plus = how.offered_plus;
  MechanismContext theirs = context("cli");
  theirs.bindings = how.of_client;
  const auto server = make_mechanism(how.mechanism, ours);
  const auto client = make_client_mechanism(how.mechanism, {how.name, how.password}, theirs);
  M::Step step = server->begin(client->begin());
  if (std::holds_alternative<M::WantVerifier>(step)) step = server->give(pencil());
  while (const auto* challenge = std::get_if<M::Challenge>(&step)) {
    const auto answer = client->next(challenge->octets);
    if (!answer) return M::Failed{Why::malformed, "the client gave up"};
    step = server->next(*answer);
  }
  return step;
}

TEST(Scram, AgreesWithItsClient) {
  EXPECT_TRUE(std::holds_alternative<M::Done>(run({})));
  Exchange wrong;
  wrong.password = "pencils";
  EXPECT_EQ(failure_of(run(wrong)), Why::refused);
  Exchange name;
  name.name = "a,b=c";
  EXPECT_TRUE(std::holds_alternative<M::Done>(run(name)));
}

TEST(Scram, PlusIsBoundToItsConnectionAlone) {
  Exchange bound;
  bound.mechanism = "SCRAM-SHA-256-PLUS";
  bound.of_client = bound.of_server = {
      {"tls-exporter", "octets"}
  };
  bound.offered_plus = true;
  EXPECT_TRUE(std::holds_alternative<M::Done>(run(bound)));
  bound.of_server = {
      {"tls-server-end-point", "x"     },
      {"tls-exporter",         "octets"}
  };
  EXPECT_TRUE(std::holds_alternative<M::Done>(run(bound)));
  Exchange in_the_middle = bound;
  in_the_middle.of_server = {
      {"tls-exporter", "others"}
  };
  EXPECT_EQ(failure_of(run(in_the_middle)), Why::refused);
  Exchange other_type = bound;
  other_type.of_server = {
      {"tls-server-end-point", "octets"}
  };
  EXPECT_EQ(failure_of(run(other_type)), Why::refused);
}

TEST(Scram, SeesThatSomebodyTookPlusOutOfTheOffer) {  // RFC 5802 section 6
  Exchange downgraded;
  downgraded.of_client = {
      {"tls-exporter", "octets"}
  };
  EXPECT_TRUE(std::holds_alternative<M::Done>(run(downgraded)));  // none was offered: it says "y"
  downgraded.offered_plus = true;
  EXPECT_EQ(failure_of(run(downgraded)), Why::refused);
}

// clang-format off
TEST(Scram, RefusesFirstMessagesThatAreNone) {
  const std::pair<const char*, Why> messages[] = {
      {"",                               Why::malformed},
      {"n",                              Why::malformed},
      {"n,",                             Why::malformed},
      {"n,,",                            Why::malformed},
      {"x,,n=user,r=abc",                Why::malformed},
      {"n,b=user,n=user,r=abc",          Why::malformed},
      {"n,,m=must,n=user,r=abc",         Why::malformed},
      {"n,,n=,r=abc",                    Why::malformed},
      {"n,,n=us=er,r=abc",               Why::malformed},
      {"n,,n=us=2cer,r=abc",             Why::malformed},
      {"n,,n=user,r=",                   Why::malformed},
      {"n,,n=user,r=a b",                Why::malformed},
      {"n,,n=user",                      Why::malformed},
      {"n,,r=abc,n=user",                Why::malformed},
      {"p=tls-exporter,,n=user,r=abc",   Why::malformed},
      {"n,a=somebody,n=user,r=abc",      Why::refused  }
  };
  for (const auto& [message, why] : messages) {
    const auto scram = make_mechanism("SCRAM-SHA-256", context());
    EXPECT_EQ(failure_of(scram->begin(message)), why) << message;
  }
  const auto same = make_mechanism("SCRAM-SHA-256", context());
  EXPECT_TRUE(std::holds_alternative<M::WantVerifier>(same->begin("n,a=user,n=user,r=abc")));
  const auto plus = make_mechanism("SCRAM-SHA-256-PLUS", context());
  EXPECT_EQ(failure_of(plus->begin("n,,n=user,r=abc")), Why::malformed);
}

TEST(Scram, RefusesFinalMessagesThatAreNone) {
  const std::string nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const std::string proof = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  const std::pair<std::string, Why> messages[] = {
      {"",                                  Why::malformed},
      {"c=biws," + nonce,                   Why::malformed},
      {"c=biws," + proof,                   Why::malformed},
      {nonce + "," + proof,                 Why::malformed},
      {"c=biws," + nonce + ",p=AAAA",       Why::malformed},
      {"c=biws," + nonce + ",p=!",          Why::malformed},
      {"c=eSws," + nonce + "," + proof,     Why::refused  },
      {"c=biws,r=other," + proof,           Why::refused  },
      {"c=biws," + nonce + ",x=y," + proof, Why::refused  },
      {std::string(5000, 'x'),              Why::malformed}
  };
  for (const auto& [message, why] : messages) {
    const auto scram = make_mechanism("SCRAM-SHA-256", context(kServerNonce));
    scram->begin("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    scram->give(pencil());
    EXPECT_EQ(failure_of(scram->next(message)), why) << message;
  }
  const auto scram = make_mechanism("SCRAM-SHA-256", context(kServerNonce));
  scram->begin("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  scram->give(pencil());
  scram->next(kFinal);
  EXPECT_EQ(failure_of(scram->next("more")), Why::malformed);
}

// clang-format on

}  // namespace
}  // namespace postern::auth
