// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/control.h"

#include "sink_fixture.h"
#include "support/folder.h"
#include "support/free_port.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>

namespace postern::sink {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

/// A sink with its control socket on a thread.
class ControlTest : public SinkTest {
 protected:
  ControlTest() : path_(folder_.path() + "/ctl") {
    KeepOptions keep;
    keep.last = true;
    keeper_ = *Keeper::open(keep, out_);
  }
  ~ControlTest() override {
    boost::asio::post(context_, [this] {
      if (control_) control_->stop();
      context_.stop();
    });
    if (thread_.joinable()) thread_.join();
    sink.reset();
  }
  void serve() {
    auto started = Sink::start(options, keeper_.get());
    ASSERT_TRUE(started) << started.error().text;
    sink = *std::move(started);
    auto opened = Control::open(context_.get_executor(), path_);
    ASSERT_TRUE(opened) << opened.error().text;
    control_ = *std::move(opened);
    control_->serve(*sink, *keeper_);
    thread_ = std::thread([this] { context_.run(); });
  }
  std::unique_ptr<test::Wire> operate() const {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path_.copy(where.sun_path, sizeof where.sun_path - 1);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    return std::make_unique<test::Wire>(descriptor);
  }
  /// A line, which ends with LF alone; none: closed.
  static std::optional<std::string> line_of(test::Wire& wire) {
    std::string out;
    while (wire.read(1, out)) {
      if (out.back() != '\n') continue;
      out.pop_back();
      return out;
    }
    return std::nullopt;
  }
  /// All lines up to "ok" or "error: ...", joined by '\n'.
  static std::string said(test::Wire& wire) {
    std::string out;
    for (;;) {
      const std::optional<std::string> line = line_of(wire);
      if (!line) return out + "(closed)";
      out += *line;
      if (*line == "ok" || line->substr(0, 7) == "error: ") return out;
      out += '\n';
    }
  }
  static std::string request(test::Wire& wire, const std::string& line) {
    wire.write(line + "\n");
    return said(wire);
  }

  test::Folder folder_;
  const std::string path_;
  std::ostringstream out_;
  net::IoContext context_{1};
  boost::asio::executor_work_guard<net::Executor> work_{context_.get_executor()};
  std::unique_ptr<Keeper> keeper_;
  std::unique_ptr<Control> control_;
  std::thread thread_;
};

TEST_F(ControlTest, IsForItsOwnerAlone) {
  serve();
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

TEST_F(ControlTest, FaultsComeAndGoWhileItRuns) {
  serve();
  const auto wire = operate();
  Caller caller = greeted();
  EXPECT_EQ(request(*wire, "fail rcpt:450:to=bob@*"), "fault 1\nok");
  EXPECT_EQ(letter_codes(caller, "bob@y.ru"), "250 450 503");
  EXPECT_EQ(request(*wire, "list"), "1 struck 1 fail rcpt:450:to=bob@*\nok");
  EXPECT_EQ(request(*wire, "clear 2"),
            "error: there is no fault 2; \"list\" has those that there are");
  EXPECT_EQ(request(*wire, "clear"), "ok");
  EXPECT_EQ(request(*wire, "list"), "ok");
  EXPECT_EQ(caller.code("RSET"), "250");
  EXPECT_EQ(letter_codes(caller, "bob@y.ru"), "250 250 354 250");
  EXPECT_THAT(request(*wire, "fail rcpt"), HasSubstr("error: "));
}

TEST_F(ControlTest, AFaultThatCouldNeverStrikeIsAnError) {
  serve();
  const auto wire = operate();
  EXPECT_THAT(request(*wire, "tls-fail"), MatchesRegex("error: without TLS .*--tls.*"));
  EXPECT_EQ(request(*wire, "list"), "ok");
}

TEST_F(ControlTest, HandshakesFailWhereThereIsTls) {
  options.tls = *self_signed_context("sink.test");
  serve();
  const auto wire = operate();
  EXPECT_EQ(request(*wire, "tls-fail"), "fault 1\nok");
}

TEST_F(ControlTest, CountsAndTheLastLetter) {
  serve();
  const auto wire = operate();
  Caller caller = greeted();
  EXPECT_EQ(request(*wire, "last"), "ok");
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
  EXPECT_EQ(request(*wire, "count"),
            "messages 1 recipients 1 octets 21 connections 1 refused 0\nok");
  EXPECT_THAT(request(*wire, "last 5"), HasSubstr("\"subject\":\"x\""));
}

TEST_F(ControlTest, AWaitIsAnsweredWhenTheLetterHasCome) {
  serve();
  const auto wire = operate();
  const auto other = operate();
  wire->write("wait messages>=1 60s\n");
  EXPECT_THAT(request(*other, "wait messages>=1 1ms"),
              HasSubstr("error: not 1 messages in that time"));
  Caller caller = greeted();
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
  EXPECT_THAT(said(*wire), MatchesRegex("messages 1 .*\nok"));
  EXPECT_THAT(request(*other, "wait messages>=1 60s"), MatchesRegex("messages 1 .*\nok"));
}

TEST_F(ControlTest, PauseIsAHostThatIsDown) {
  options.listen.front().port(test::free_port());
  serve();
  const auto wire = operate();
  EXPECT_EQ(request(*wire, "pause"), "ok");
  EXPECT_FALSE(call().is_connected());
  EXPECT_EQ(request(*wire, "pause"), "ok");
  EXPECT_EQ(request(*wire, "resume"), "ok");
  EXPECT_EQ(request(*wire, "resume"), "ok");
  greeted();
}

TEST_F(ControlTest, SeveralRequestsMayComeAtOnce) {
  serve();
  const auto wire = operate();
  wire->write("count\nlist\nnonsense\n");
  EXPECT_THAT(said(*wire), HasSubstr("messages 0"));
  EXPECT_EQ(said(*wire), "ok");
  EXPECT_THAT(said(*wire), HasSubstr("error: there is no request"));
}

TEST_F(ControlTest, ALineThatDoesNotEndIsNotCollected) {
  serve();
  const auto wire = operate();
  wire->write(std::string(kLongestRequest + 1, 'x'));
  EXPECT_THAT(said(*wire), HasSubstr("error: write lines of 4096"));
  EXPECT_FALSE(line_of(*wire));
}

TEST_F(ControlTest, WhatHasTheNameAlreadyStays) {
  std::ofstream(path_) << "a file";
  const auto opened = Control::open(context_.get_executor(), path_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text, HasSubstr("no socket"));
}

TEST_F(ControlTest, ASocketOfASinkThatRunsStays) {
  serve();
  net::IoContext context{1};
  const auto opened = Control::open(context.get_executor(), path_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text, HasSubstr("another sink"));
}

TEST_F(ControlTest, ANameThatIsTooLong) {
  const auto opened = Control::open(context_.get_executor(), std::string(200, 'x'));
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text, HasSubstr("107"));
}

}  // namespace
}  // namespace postern::sink
