// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/keeper.h"

#include "sink_fixture.h"
#include "support/folder.h"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::sink {
namespace {

using ::testing::HasSubstr;

std::string text_in(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::filesystem::path> files_in(const std::string& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    out.push_back(entry.path());
  return out;
}

class KeeperTest : public ::testing::Test {
 protected:
  void open() { open_on(out); }
  void open_on(std::ostream& where) {
    auto opened = Keeper::open(keep, where);
    ASSERT_TRUE(opened) << opened.error().text;
    keeper = *std::move(opened);
  }
  /// As a session does it.
  bool give(std::string_view first, std::string_view second = {}) {
    Taken letter{.sender = sender};
    letter.recipients = recipients;
    letter.when = std::chrono::system_clock::now();
    const std::unique_ptr<Writer> writer = keeper->keep(letter);
    if (writer) {
      writer->write(first);
      writer->write(second);
    }
    letter.writer = writer.get();
    letter.octets = first.size() + second.size();
    letter.head = first;
    return keeper->taken(letter);
  }

  test::Folder folder;
  std::ostringstream out;
  KeepOptions keep;
  std::unique_ptr<Keeper> keeper;
  smtp::Sender sender{smtp::ReversePath(smtp::Mailbox("olga", "x.ru")), {}};
  std::vector<smtp::Recipient> recipients{
      {smtp::Mailbox("ivan", "y.ru"), {}}
  };
};

TEST_F(KeeperTest, ALetterBecomesAFileOfItsOwnerInNew) {
  keep.maildir = folder.path() + "/mail";
  open();
  EXPECT_TRUE(give("Subject: x\r\n\r", "\nhello\r\n"));
  EXPECT_TRUE(give("Subject: y\r\n\r\n"));
  EXPECT_TRUE(files_in(keep.maildir + "/tmp").empty());
  const auto files = files_in(keep.maildir + "/new");
  ASSERT_EQ(files.size(), 2U);
  struct stat found {};
  ASSERT_EQ(::stat(files[0].c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  const std::string both = text_in(files[0]) + text_in(files[1]);
  EXPECT_THAT(both,
              HasSubstr("Return-Path: <olga@x.ru>\r\nDelivered-To: ivan@y.ru\r\nSubject: "
                        "x\r\n\r\nhello\r\n"));
}

TEST_F(KeeperTest, ALetterThatDoesNotEndLeavesNoFile) {
  keep.maildir = folder.path() + "/mail";
  open();
  Taken letter{.sender = sender};
  letter.recipients = recipients;
  std::unique_ptr<Writer> writer = keeper->keep(letter);
  writer->write(std::string(200000, 'x'));
  EXPECT_EQ(files_in(keep.maildir + "/tmp").size(), 1U);
  writer.reset();
  EXPECT_TRUE(files_in(keep.maildir + "/tmp").empty());
  EXPECT_TRUE(files_in(keep.maildir + "/new").empty());
}

TEST_F(KeeperTest, WhatCannotBeStoredIsNotTakenAndTheReasonIsKept) {
  keep.maildir = folder.path() + "/mail";
  open();
  std::filesystem::remove_all(keep.maildir);
  EXPECT_FALSE(give("x\r\n"));
  EXPECT_THAT(keeper->failure(), HasSubstr("No such file"));
}

TEST_F(KeeperTest, WhatCannotBePrintedIsNotTaken) {
  std::ofstream full("/dev/full");
  keep.jsonl = "-";
  keep.last = true;
  open_on(full);
  EXPECT_FALSE(give("Subject: x\r\n\r\n"));
  EXPECT_EQ(keeper->failure(), "standard output: No space left on device");
  EXPECT_TRUE(keeper->last(1).empty());
  keep.jsonl.clear();
  keep.lines = true;
  open_on(full);
  EXPECT_FALSE(give("Subject: x\r\n\r\n"));
  EXPECT_THAT(keeper->failure(), HasSubstr("No space left"));
}

TEST_F(KeeperTest, APipeThatNobodyReadsIsToldOnce) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  std::ofstream pipe("/proc/self/fd/" + std::to_string(ends[1]));
  ASSERT_TRUE(pipe);
  ::close(ends[0]);
  std::signal(SIGPIPE, SIG_IGN);
  int told = 0;
  keep.gone = [&told] { ++told; };
  keep.lines = true;
  open_on(pipe);
  EXPECT_FALSE(give("Subject: x\r\n\r\n"));
  EXPECT_FALSE(give("Subject: x\r\n\r\n"));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(keeper->failure(), "standard output: Broken pipe");
  ::close(ends[1]);
}

TEST_F(KeeperTest, AnotherTextThatCannotBePrintedIsAFailureToo) {
  std::ofstream full("/dev/full");
  open_on(full);
  EXPECT_FALSE(keeper->print("listening on 127.0.0.1:2525\n"));
  EXPECT_THAT(keeper->failure(), HasSubstr("standard output: No space left"));
}

TEST_F(KeeperTest, OutputThatWorksAgainIsWrittenToAgain) {
  keep.lines = true;
  open();
  out.setstate(std::ios::badbit);
  EXPECT_TRUE(give("Subject: x\r\n\r\n"));
  EXPECT_TRUE(keeper->print("the end\n"));
  EXPECT_THAT(out.str(), ::testing::EndsWith(" octets: x\nthe end\n"));
  EXPECT_EQ(keeper->failure(), "");
}

TEST_F(KeeperTest, ALetterWithoutItsJsonLeavesNoFile) {
  keep.maildir = folder.path() + "/mail";
  keep.jsonl = "/dev/full";
  open();
  EXPECT_FALSE(give("Subject: x\r\n\r\n"));
  EXPECT_EQ(keeper->failure(), "/dev/full: No space left on device");
  for (const char* const part : {"/tmp", "/new", "/cur"})
    EXPECT_TRUE(files_in(keep.maildir + part).empty()) << part;
}

TEST_F(KeeperTest, AMaildirThatCannotBeIsAnErrorAtTheStart) {
  keep.maildir = folder.path() + "/not/there";
  const auto opened = Keeper::open(keep, out);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text, HasSubstr("parent"));
  keep.maildir.clear();
  keep.jsonl = folder.path();
  EXPECT_FALSE(Keeper::open(keep, out));
}

TEST_F(KeeperTest, JsonIsALineALetterAndIsAppended) {
  keep.jsonl = folder.path() + "/letters.jsonl";
  std::ofstream(keep.jsonl) << "{}\n";
  keep.content = true;
  open();
  EXPECT_TRUE(give("Subject: o", "ne\r\n\r\nhello\r\n"));
  std::istringstream lines(text_in(keep.jsonl));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "{}");
  std::getline(lines, line);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["subject"], "one");
  EXPECT_EQ(json["content"], "Subject: one\r\n\r\nhello\r\n");
  EXPECT_EQ(json["sha256"], "dc489a104b7f53f82e9730bcf16fdec7b7ac486c0d15e6ad12420947d9da594e");
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(KeeperTest, StandardOutputTakesJsonOrLines) {
  keep.jsonl = "-";
  open();
  EXPECT_TRUE(give("Subject: one\r\n\r\n"));
  EXPECT_EQ(nlohmann::json::parse(out.str())["subject"], "one");
  out.str("");
  keep.jsonl.clear();
  keep.lines = true;
  open();
  EXPECT_TRUE(give("Subject: one\r\n\r\n"));
  EXPECT_THAT(out.str(), HasSubstr("<olga@x.ru> to <ivan@y.ru>, 16 octets: one\n"));
}

TEST_F(KeeperTest, TheLastLettersAreHeldWithoutTheirOctets) {
  keep.last = true;
  keep.content = true;
  open();
  for (std::size_t i = 0; i < Keeper::kLast + 5; ++i)
    EXPECT_TRUE(give("Subject: " + std::to_string(i) + "\r\n\r\n"));
  EXPECT_EQ(keeper->last(1000).size(), Keeper::kLast);
  const auto two = keeper->last(2);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(nlohmann::json::parse(two[1])["subject"], std::to_string(Keeper::kLast + 4));
  EXPECT_FALSE(nlohmann::json::parse(two[1]).contains("content"));
}

TEST_F(KeeperTest, WhoWaitsForACountIsCalledOnce) {
  open();
  int calls = 0;
  keeper->when_counted(2, [&calls] { ++calls; });
  keeper->counted(1);
  EXPECT_EQ(calls, 0);
  keeper->counted(2);
  keeper->counted(3);
  EXPECT_EQ(calls, 1);
  keeper->when_counted(3, [&calls] { ++calls; });
  EXPECT_EQ(calls, 2);
  const std::uint64_t waiter = keeper->when_counted(4, [&calls] { ++calls; });
  keeper->forget(waiter);
  keeper->counted(4);
  EXPECT_EQ(calls, 2);
}

TEST_F(KeeperTest, CountsThatCrossAWaiterReachIt) {
  open();
  for (int round = 1; round <= 200; ++round) {
    const auto goal = static_cast<std::uint64_t>(round);
    std::atomic<bool> called{false};
    std::thread other([&] { keeper->counted(goal); });
    keeper->when_counted(goal, [&called] { called = true; });
    other.join();
    ASSERT_TRUE(called);
  }
}

}  // namespace
}  // namespace postern::sink
