// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/mailbox_reader.h"

#include "imap_stub.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace postern::verify {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

Mailbox mailbox_at(const ImapStub& server) {
  Mailbox box;
  box.address = "ivan@company.ru";
  box.server.host = "127.0.0.1";
  box.server.port = server.port();
  box.user = "ivan";
  box.password = "secret";
  return box;
}

std::string fetched(unsigned uid, const std::string& message) {
  return fmt::format("* 1 FETCH (UID {} BODY[]<0> {{{}}}\r\n{})\r\n", uid, message.size(), message);
}

/// Letter 1 is there at the beginning; 2 is somebody's, 3 of the run, 4 cannot be fetched.
std::string with_a_broken_letter(const std::string& command) {
  if (command == "UID SEARCH UID *") return "* SEARCH 1\r\n";
  if (command.starts_with("UID SEARCH UID 2:")) return "* SEARCH 2 3 4\r\n";
  if (command.starts_with("UID FETCH 2 ")) return fetched(2, "Subject: lunch\r\n\r\nat one?\r\n");
  if (command.starts_with("UID FETCH 3 "))
    return fetched(3, "X-Postern-Verify: pv-0a-S2\r\n\r\nbody\r\n");
  return command.starts_with("UID FETCH 4 ") ? "NO" : "";
}

TEST(VerifyMailbox, LettersOfOthersBecomeUnreadEvenWhenAFetchFails) {
  const ImapStub server(with_a_broken_letter);
  const Mailbox box = mailbox_at(server);
  MailboxReader reader(box, "pv-0a", "gw.company.ru");
  ASSERT_EQ(reader.open(), std::nullopt);
  const auto failed = reader.look();
  ASSERT_TRUE(failed);
  EXPECT_THAT(*failed, HasSubstr("127.0.0.1"));
  EXPECT_THAT(*failed, Not(HasSubstr("secret")));
  EXPECT_THAT(server.commands(), Contains("UID STORE 2 -FLAGS.SILENT (\\Seen)"));
  ASSERT_EQ(reader.arrivals().size(), 1U);
  EXPECT_EQ(reader.arrivals().front().token, "pv-0a-S2");
}

std::string with_a_folder_for_spam(const std::string& command) {
  if (command.starts_with("LIST")) return "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Junk\r\n";
  return command.find(" HEADER Message-ID pv-0a-S2") == std::string::npos ? "" : "* SEARCH 9\r\n";
}

TEST(VerifyMailbox, ALetterWithoutItsMarkIsFoundElsewhereByItsMessageId) {
  const ImapStub server(with_a_folder_for_spam);
  const Mailbox box = mailbox_at(server);
  MailboxReader reader(box, "pv-0a", "gw.company.ru");
  ASSERT_EQ(reader.open(), std::nullopt);
  EXPECT_EQ(reader.find_elsewhere("pv-0a-S2"), "Junk");
  EXPECT_EQ(reader.find_elsewhere("pv-0a-S1"), std::nullopt);
  EXPECT_THAT(
      server.commands(),
      Contains("UID SEARCH OR HEADER X-Postern-Verify pv-0a-S2 HEADER Message-ID pv-0a-S2"));
  EXPECT_EQ(reader.remove(), std::nullopt);
  EXPECT_THAT(server.commands(), Contains("UID EXPUNGE 9"));
}

}  // namespace
}  // namespace postern::verify
