// SPDX-License-Identifier: Apache-2.0
#include "auth/client_mechanism.h"
#include "auth/password_hash.h"
#include "base/base64.h"
#include "base/metrics.h"
#include "server_fixture.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace postern::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A gateway whose listener takes logins in clear, which spares the tests TLS.
class LoginTest : public ServerTest {
 protected:
  LoginTest() {
    std::filesystem::create_directories(folder_);
    write("accounts", hashed() + verified("ann", "secret") + verified("bob", "other"));
    setup.delivery = "queue";
    setup.listener = "auth = true\nauth_without_tls = true";
    set_auth("failure_delay = \"0s\"\n");
  }
  ~LoginTest() override {
    stop();
    join();
    std::filesystem::remove_all(folder_);
  }

  void set_auth(const std::string& more) {
    setup.after =
        fmt::format("[gateways]\nexternal = [\"exchange\"]\n[auth]\naccounts = \"file:{}\"\n{}",
                    path("accounts"),
                    more);
  }
  std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }
  static std::string hashed() {
    return "ann:" + auth::hash_password("secret", auth::HashMethod::sha512) + "\n";
  }
  static std::string verified(const std::string& name, const std::string& password) {
    const auth::ScramVerifier verifier = auth::make_verifier(password, "salt", 4096);
    return name + ":" + auth::format_verifier(verifier) + "\n";
  }

  /// A client behind EHLO; one at a time.
  void connect() {
    wire_ = test::Wire::connect("127.0.0.1", port());
    reply();
    ask("EHLO c.example");
  }
  std::string reply() {
    std::string all;
    for (;;) {
      const std::optional<std::string> line = wire_->line();
      if (!line) return all;
      all += *line + "\n";
      if (line->size() < 4 || (*line)[3] != '-') return all;
    }
  }
  std::string ask(const std::string& line) {
    wire_->write(line + "\r\n");
    return reply();
  }
  std::string plain(const std::string& name, const std::string& password) {
    const std::string zero(1, '\0');
    return ask("AUTH PLAIN " + to_base64(zero + name + zero + password));
  }
  std::string scram(const std::string& name, const std::string& password) {
    auth::MechanismContext context;
    context.nonce = "client";
    const auto client = auth::make_client_mechanism("SCRAM-SHA-256", {name, password}, context);
    std::string said = ask("AUTH SCRAM-SHA-256 " + to_base64(client->begin()));
    while (said.starts_with("334 ")) {
      const auto challenge = from_base64(said.substr(4, said.size() - 5));
      const auto answer = client->next(challenge.value_or(""));
      said = ask(answer ? to_base64(*answer) : "*");
    }
    return said;
  }
  std::string recipient(const std::string& sender, const std::string& to) {
    ask("RSET");
    const std::string mail = ask("MAIL FROM:<" + sender + ">");
    return mail.starts_with("250") ? ask("RCPT TO:<" + to + ">") : mail;
  }

 private:
  std::unique_ptr<test::Wire> wire_;
  const std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("login." + std::to_string(::getpid()));
};

std::uint64_t counted(const char* mechanism, const char* outcome) {
  return metrics::counter("postern_logins_total", {mechanism, outcome}).value();
}

TEST_F(LoginTest, OpensTheWayToOtherDomainsAndNothingElseR1R2) {
  start();
  connect();
  EXPECT_THAT(recipient("a@corp.com", "u@example.org"), StartsWith("550 5.7.1 "));
  ask("RSET");
  EXPECT_THAT(plain("Ann", "secret"), StartsWith("235 2.7.0 "));
  EXPECT_THAT(recipient("a@corp.com", "u@example.org"), StartsWith("250 "));
  wait_for_line("event=login command=PLAIN account=ann");
  // A session of its own is nobody's again.
  connect();
  EXPECT_THAT(recipient("a@corp.com", "u@example.org"), StartsWith("550 5.7.1 "));
}

TEST_F(LoginTest, TakesEachMechanismThatItOffersAndNoWrongPassword) {
  start();
  connect();
  EXPECT_THAT(ask("EHLO c.example"), HasSubstr("AUTH SCRAM-SHA-256 PLAIN LOGIN"));
  EXPECT_THAT(scram("ann", "wrong"), StartsWith("535 5.7.8 "));
  EXPECT_THAT(scram("nobody", "secret"), StartsWith("535 5.7.8 "));
  EXPECT_THAT(plain("ann", "wrong"), StartsWith("535 5.7.8 "));
  EXPECT_THAT(plain("nobody", "secret"), StartsWith("535 5.7.8 "));
  EXPECT_THAT(ask("AUTH LOGIN"), StartsWith("334 "));
  EXPECT_THAT(ask(to_base64("bob")), StartsWith("334 "));
  EXPECT_THAT(ask(to_base64("other")), StartsWith("235 2.7.0 "));
  connect();
  EXPECT_THAT(scram("ann", "secret"), StartsWith("235 2.7.0 "));
  for (const std::string& line : log_lines()) {
    EXPECT_THAT(line, Not(HasSubstr("secret")));
    EXPECT_THAT(line, Not(HasSubstr(to_base64("other"))));
  }
}

TEST_F(LoginTest, OffersScramWhileEverybodyCanUseItOrWhereItIsNamed) {
  write("accounts", hashed());
  start();
  connect();
  EXPECT_THAT(ask("EHLO c.example"), HasSubstr("AUTH PLAIN LOGIN"));
  EXPECT_THAT(ask("AUTH SCRAM-SHA-256 AA=="), StartsWith("504 5.5.4 "));
  set_auth("mechanisms = [\"scram-sha-256\"]\n");
  reload();
  connect();
  EXPECT_THAT(ask("EHLO c.example"), HasSubstr("AUTH SCRAM-SHA-256\n"));
  EXPECT_THAT(plain("ann", "secret"), StartsWith("504 5.5.4 "));
}

TEST_F(LoginTest, StopsAClientThatGuessesWhateverItsPasswordIsThen) {
  set_auth("failure_delay = \"0s\"\nfailures_per_client = \"3 in 1h\"\n");
  start();
  connect();
  const std::uint64_t ok = counted("PLAIN", "ok");
  const std::uint64_t failed = counted("PLAIN", "failed");
  const std::uint64_t limited = counted("PLAIN", "limited_client");
  EXPECT_THAT(plain("ann", "secret"), StartsWith("235 "));
  connect();
  for (const char* name : {"ann", "bob", "carl"})
    EXPECT_THAT(plain(name, "wrong"), StartsWith("535 "));
  EXPECT_THAT(plain("ann", "secret"), StartsWith("421 4.7.0 "));
  wait_for_line("too many failures of this client");
  EXPECT_EQ(counted("PLAIN", "ok"), ok + 1);
  EXPECT_EQ(counted("PLAIN", "failed"), failed + 3) << "a login that nobody looked at is none";
  EXPECT_EQ(counted("PLAIN", "limited_client"), limited + 1);
  // A reload forgets nothing.
  reload();
  connect();
  EXPECT_THAT(scram("ann", "secret"), StartsWith("421 4.7.0 "));
}

TEST_F(LoginTest, StopsGuessingAtAnAccountAndTellsNobodyWhetherItExists) {
  set_auth("failure_delay = \"0s\"\nfailures_per_account = \"2 in 1h\"\n");
  start();
  connect();
  const std::uint64_t failed = counted("SCRAM-SHA-256", "failed");
  const std::uint64_t limited = counted("SCRAM-SHA-256", "limited_account");
  for (const char* name : {"ann", "nobody"}) {
    EXPECT_THAT(plain(name, "wrong"), StartsWith("535 "));
    EXPECT_THAT(scram(name, "wrong"), StartsWith("535 "));
    EXPECT_THAT(plain(name, "wrong"), StartsWith("454 4.7.0 "));
    EXPECT_THAT(scram(name, "wrong"), StartsWith("454 4.7.0 "));
  }
  EXPECT_EQ(counted("SCRAM-SHA-256", "failed"), failed + 2);
  EXPECT_EQ(counted("SCRAM-SHA-256", "limited_account"), limited + 2);
  EXPECT_THAT(plain("bob", "other"), StartsWith("235 "));
}

TEST_F(LoginTest, TellsOfExchangesThatAreBrokenOffAndCountsThoseThatKnewMore) {
  set_auth("failure_delay = \"0s\"\nfailures_per_client = \"2 in 1h\"\n");
  start();
  connect();
  // Nobody has been asked anything yet.
  EXPECT_THAT(ask("AUTH LOGIN"), StartsWith("334 "));
  EXPECT_THAT(ask("c2VjcmV"), StartsWith("501 5.5.2 "));
  wait_for_line("event=login_failed command=LOGIN why=\"a response that is no base64\"");
  const std::string first = "AUTH SCRAM-SHA-256 " + to_base64("n,,n=ann,r=client");
  EXPECT_THAT(ask(first), StartsWith("334 "));
  EXPECT_THAT(ask("*"), StartsWith("501 5.7.0 "));
  wait_for_line(
      "event=login_failed command=SCRAM-SHA-256 account=ann why=\"the client has cancelled\"");
  EXPECT_THAT(ask(first), StartsWith("334 "));
  connect();
  wait_for_line("account=ann why=\"the client has gone away\"");
  EXPECT_THAT(plain("ann", "secret"), StartsWith("421 4.7.0 "));
  for (const std::string& line : log_lines())
    EXPECT_THAT(line, Not(HasSubstr("c2VjcmV")));
}

TEST_F(LoginTest, LeavesAnAccountItsOwnSenderAddresses) {
  write("senders", "ann ann@company.ru, @news.company.ru\n");
  set_auth(fmt::format("failure_delay = \"0s\"\nsenders = \"file:{}\"\n", path("senders")));
  start();
  connect();
  // Who has not logged in is not asked.
  EXPECT_THAT(recipient("bob@company.ru", "u@tech.company.ru"), StartsWith("250 "));
  ask("RSET");
  EXPECT_THAT(plain("ann", "secret"), StartsWith("235 "));
  EXPECT_THAT(recipient("Ann@company.ru", "u@example.org"), StartsWith("250 "));
  EXPECT_THAT(recipient("x@news.company.ru", "u@example.org"), StartsWith("250 "));
  EXPECT_THAT(recipient("", "u@example.org"), StartsWith("250 "));
  EXPECT_THAT(recipient("bob@company.ru", "u@example.org"), StartsWith("553 5.7.1 "));
  EXPECT_THAT(recipient("ann@other.company.ru", "u@example.org"), StartsWith("553 5.7.1 "));
  wait_for_line("why=\"553 5.7.1 ");
}

TEST_F(LoginTest, NeitherChecksNorCountsWhatNobodyCanTell) {
  set_auth("failure_delay = \"0s\"\nfailures_per_client = \"2 in 1h\"\n");
  std::filesystem::remove(path("accounts"));
  start();
  connect();
  const std::uint64_t unavailable = counted("PLAIN", "unavailable");
  for (int i = 0; i < 5; ++i)
    EXPECT_THAT(plain("ann", "secret"), StartsWith("454 4.7.0 "));
  EXPECT_EQ(counted("PLAIN", "unavailable"), unavailable + 5);
}

}  // namespace
}  // namespace postern::gateway
