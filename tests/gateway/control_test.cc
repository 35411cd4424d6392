// SPDX-License-Identifier: Apache-2.0
// The control socket of a whole gateway, as `postern queue` uses it and as nobody should.
#include "gateway/control.h"

#include "server_fixture.h"
#include "tools/control_client.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace postern::gateway {
namespace {

using Json = nlohmann::ordered_json;
using test::At;
using test::ExchangeClient;
using test::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kMessage = "Subject: t\r\n\r\nhello\r\n";

Fault say(std::string reply) {
  Fault fault;
  fault.kind = Fault::Kind::say;
  fault.reply = std::move(reply);
  return fault;
}

/// What one request was answered with.
struct Answer {
  std::vector<Json> lines;
  Json result;
  std::string error;
};

class ControlTest : public ServerTest {
 protected:
  ControlTest() {
    std::filesystem::create_directories(folder_);
    setup.delivery = "queue";
    setup.control = (folder_ / "control").string();
    setup.after = "[retry]\nfirst = \"1h\"\nmax = \"1h\"\n";
  }
  ~ControlTest() override { std::filesystem::remove_all(folder_); }

  Answer ask(ControlRequest request) const {
    Answer out;
    const auto answer =
        tools::ask(setup.control, request, [&](const Json& line) { out.lines.push_back(line); });
    if (answer) {
      out.result = *answer;
    } else {
      out.error = answer.error().text;
    }
    return out;
  }
  Answer ask(ControlCommand command, std::vector<std::string> ids = {}) const {
    ControlRequest request;
    request.command = command;
    request.ids = std::move(ids);
    request.all = changes_messages(command) && request.ids.empty();
    return ask(std::move(request));
  }
  /// A letter to the Workspace, which says 451 once; its id, when it waits for its next try.
  std::string deferred_letter(const std::string& from = "a@corp.com") {
    v.plan(At::mail, say("451 4.7.0 not yet"));
    EXPECT_TRUE(
        client().send(from, {"u@tech.company.ru", "w@tech.company.ru"}, kMessage).delivered());
    for (;;) {
      const Answer listed = ask(ControlCommand::list);
      const auto last = listed.lines.empty() ? Json() : listed.lines.back();
      if (!last.is_null() && last["state"] == "deferred") return last["id"];
      if (testing::Test::HasFailure()) return {};
    }
  }
  /// A raw connection; sends `octets`, reads to the end.
  std::string raw(const std::string& octets) const {
    const int fd = connect();
    EXPECT_EQ(::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(octets.size()));
    std::string out;
    char piece[4096];
    for (ssize_t n = 0; (n = ::recv(fd, piece, sizeof(piece), 0)) > 0;)
      out.append(piece, static_cast<std::size_t>(n));
    ::close(fd);
    return out;
  }
  int connect() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    setup.control.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-control-" + std::to_string(::getpid()));
};

TEST_F(ControlTest, IsTheOwnersAloneAndGoesWithTheGateway) {
  start();
  const auto mode = std::filesystem::status(setup.control).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_THAT(ask(ControlCommand::list).lines, IsEmpty());
  stop();
  join();
  EXPECT_FALSE(std::filesystem::exists(setup.control));
  EXPECT_THAT(ask(ControlCommand::list).error, HasSubstr("postern is not running"));
}

TEST_F(ControlTest, ReplacesTheSocketOfADeadProcessAndNothingElse) {
  net::IoContext context(1);
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    setup.control.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ::close(fd);
  }
  EXPECT_TRUE(Control::open(context.get_executor(), setup.control).has_value());
  std::ofstream(setup.control) << "somebody's file";
  const auto refused = Control::open(context.get_executor(), setup.control);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), HasSubstr("no socket"));
  EXPECT_EQ(std::filesystem::file_size(setup.control), 15U);
}

TEST_F(ControlTest, MayHaveAPathThatIsLongerThanAnAddressOfASocket) {
  const std::filesystem::path deep = folder_ / std::string(120, 'd');
  std::filesystem::create_directories(deep);
  setup.control = (deep / "control").string();
  start();
  EXPECT_EQ(ask(ControlCommand::list).error, "");
  stop();
  join();
  EXPECT_FALSE(std::filesystem::exists(setup.control));
}

TEST_F(ControlTest, AnswersNonsenseAndGoesOn) {
  start();
  EXPECT_THAT(raw("nonsense\n"), HasSubstr("JSON object"));
  EXPECT_THAT(raw("\n"), HasSubstr("\"done\":true"));
  EXPECT_THAT(raw("{\"command\":\"remove\"}\n"), HasSubstr("takes ids, or filters, or all"));
  EXPECT_THAT(raw(std::string(kLongestRequest, 'x')), HasSubstr("too long"));
  EXPECT_THAT(raw("{\"command\":\"show\",\"ids\":[\"x\"]}\n"), HasSubstr("no id of a message"));
  const int silent = connect();
  EXPECT_EQ(ask(ControlCommand::list).error, "") << "one that says nothing is in nobody's way";
  ::close(silent);
}

TEST_F(ControlTest, TellsWhatWaitsAndWhy) {
  start();
  const std::string id = deferred_letter();
  const Answer listed = ask(ControlCommand::list);
  ASSERT_THAT(listed.lines, SizeIs(1));
  EXPECT_EQ(listed.lines[0]["sender"], "a@corp.com");
  ASSERT_THAT(listed.lines[0]["recipients"], SizeIs(2));
  const Json& recipient = listed.lines[0]["recipients"][0];
  EXPECT_EQ(recipient["address"], "u@tech.company.ru");
  EXPECT_EQ(recipient["lane"], "vk");
  EXPECT_EQ(recipient["attempts"], 1);
  EXPECT_EQ(recipient["last_reply"], "451 4.7.0 not yet");
  EXPECT_GT(recipient["next_try_seconds"], 3000);
  ControlRequest show;
  show.command = ControlCommand::show;
  show.ids = {id};
  show.body = true;
  const Answer shown = ask(show);
  ASSERT_THAT(shown.lines, SizeIs(2));
  EXPECT_EQ(shown.lines[0]["origin"]["client"], "127.0.0.1");
  const Json& tries = shown.lines[0]["recipients"][0]["tries"];
  ASSERT_THAT(tries, SizeIs(1));
  EXPECT_EQ(tries[0]["reply"], "451 4.7.0 not yet");
  EXPECT_THAT(tries[0]["host"].get<std::string>(), HasSubstr("127.0.0.10:"));
  EXPECT_EQ(shown.lines[0]["recipients"][1]["fate"], "pending");
  EXPECT_THAT(shown.lines[1]["octets"].get<std::string>(), HasSubstr("\r\n\r\nhello\r\n"));
}

TEST_F(ControlTest, DeliversNothingThatIsHeldAndAllThatIsReleasedAndRetried) {
  start();
  const std::string id = deferred_letter();
  EXPECT_EQ(ask(ControlCommand::hold, {id}).result["messages"], 1);
  EXPECT_EQ(ask(ControlCommand::retry, {id}).lines.at(0)["error"], "is held: release it");
  EXPECT_EQ(ask(ControlCommand::list).lines.at(0)["state"], "held");
  EXPECT_THAT(v.mails(), IsEmpty());
  EXPECT_EQ(ask(ControlCommand::release, {id}).result["messages"], 1);
  EXPECT_EQ(ask(ControlCommand::retry, {id}).result["messages"], 1);
  EXPECT_THAT(v.wait_for_mails(1)[0].rcpt, SizeIs(2));
  EXPECT_EQ(wait_for_queue(0).delivered, 2);
}

TEST_F(ControlTest, RemovesTheRecipientsThatAFilterMeansAndTheRestById) {
  start();
  const std::string id = deferred_letter();
  ControlRequest remove;
  remove.command = ControlCommand::remove;
  remove.filter.recipient = "w@*";
  remove.dry_run = true;
  EXPECT_EQ(ask(remove).result["recipients"], 1);
  EXPECT_EQ(spool().stats().ledger.discarded, 0);
  remove.dry_run = false;
  EXPECT_EQ(ask(remove).result["recipients"], 1);
  EXPECT_EQ(spool().stats().ledger.queued, 1);
  EXPECT_EQ(ask(ControlCommand::hold, {id}).result["messages"], 1);
  EXPECT_EQ(ask(ControlCommand::remove, {id}).result["recipients"], 1) << "held or not";
  EXPECT_THAT(ask(ControlCommand::list).lines, IsEmpty()) << "gone when it is said so";
  const spool::Ledger ledger = spool().stats().ledger;
  EXPECT_EQ(ledger.discarded, 2);
  EXPECT_TRUE(ledger.balances());
  EXPECT_EQ(ask(ControlCommand::remove, {id}).lines.at(0)["error"], "not in the queue");
  wait_for_line("outcome=discarded");
}

TEST_F(ControlTest, BouncesToTheSenderAndNeverToNobodyR17) {
  start();
  const std::string id = deferred_letter("s@company.ru");
  EXPECT_EQ(ask(ControlCommand::bounce, {id}).result["recipients"], 2);
  const test::Mail report = x.wait_for_mails(1)[0];
  EXPECT_THAT(report.octets, HasSubstr("delivery cancelled by the administrator"));
  EXPECT_THAT(report.octets, HasSubstr("w@tech.company.ru"));
  const std::string null = deferred_letter("");
  EXPECT_EQ(ask(ControlCommand::bounce, {null}).result["recipients"], 2);
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.failed, 4);
  EXPECT_EQ(ledger.delivered, 1);
  EXPECT_TRUE(ledger.balances());
  EXPECT_THAT(x.mails(), SizeIs(1));
}

TEST_F(ControlTest, LeavesAloneWhatIsBeingDelivered) {
  Fault hold;
  hold.kind = Fault::Kind::hold;
  v.plan(At::last_chunk, hold);
  start();
  EXPECT_TRUE(client().send("a@corp.com", {"u@tech.company.ru"}, kMessage).delivered());
  v.wait_for_command("MAIL");
  const std::string id = ask(ControlCommand::list).lines.at(0)["id"];
  for (const ControlCommand command :
       {ControlCommand::remove, ControlCommand::bounce, ControlCommand::retry}) {
    const Answer answer = ask(command, {id});
    EXPECT_EQ(answer.lines.at(0)["error"], "is being delivered at this moment");
    EXPECT_EQ(answer.result["refused"], 1);
  }
  EXPECT_EQ(ask(ControlCommand::hold, {id}).lines.at(0)["busy"], 1);
  v.release();
  EXPECT_EQ(wait_for_queue(0).delivered, 1);
  EXPECT_THAT(v.mails(), SizeIs(1));
}

TEST_F(ControlTest, TellsTheLedgerTheLanesAndTheSpool) {
  start();
  deferred_letter();
  const Json stats = ask(ControlCommand::stats).result;
  EXPECT_EQ(stats["ledger"]["accepted"], 2);
  EXPECT_EQ(stats["ledger"]["queued"], 2);
  EXPECT_EQ(stats["spool"]["health"], "good");
  ASSERT_THAT(stats["lanes"], SizeIs(1));
  EXPECT_EQ(stats["lanes"][0]["name"], "vk");
  EXPECT_EQ(stats["lanes"][0]["waiting"], 1);
}

}  // namespace
}  // namespace postern::gateway
