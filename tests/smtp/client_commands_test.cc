// SPDX-License-Identifier: Apache-2.0
#include "smtp/client_commands.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

Capabilities everything() {
  return parse_capabilities(
      "x\nPIPELINING\nSIZE 1000\n8BITMIME\nSMTPUTF8\nCHUNKING\nBINARYMIME\nDSN\nREQUIRETLS\n"
      "AUTH PLAIN");
}

Sender full_sender() {
  Sender sender;
  sender.path = ReversePath(Mailbox("i.ivanov", "company.ru"));
  sender.parameters.size = 1234;
  sender.parameters.body = Body::eight_bit_mime;
  sender.parameters.ret = Ret::headers;
  sender.parameters.smtputf8 = true;
  sender.parameters.requiretls = true;
  sender.parameters.envid = "id+2B1";
  sender.parameters.auth = "<>";
  return sender;
}

std::string mail(const Sender& sender, const Capabilities& offered) {
  std::string out;
  append_mail(sender, offered, out);
  return out;
}

std::string rcpt(const Recipient& recipient, const Capabilities& offered) {
  std::string out;
  append_rcpt(recipient, offered, out);
  return out;
}

TEST(ClientCommands, WriteAllParametersThatAreOffered) {
  EXPECT_EQ(mail(full_sender(), everything()),
            "MAIL FROM:<i.ivanov@company.ru> SIZE=1234 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS "
            "ENVID=id+2B1 AUTH=<>\r\n");
}

TEST(ClientCommands, WriteNoParameterThatIsNotOffered) {
  EXPECT_EQ(mail(full_sender(), Capabilities()), "MAIL FROM:<i.ivanov@company.ru>\r\n");
}

TEST(ClientCommands, KeepTheNullSenderNullR17) {
  EXPECT_EQ(mail(Sender(), everything()), "MAIL FROM:<>\r\n");
}

TEST(ClientCommands, WriteEachBodyOnlyWithItsOwnExtension) {
  Sender sender;
  sender.parameters.body = Body::binary_mime;
  EXPECT_EQ(mail(sender, everything()), "MAIL FROM:<> BODY=BINARYMIME\r\n");
  Capabilities offered = everything();
  offered.binarymime = false;
  EXPECT_EQ(mail(sender, offered), "MAIL FROM:<>\r\n");
  sender.parameters.body = Body::seven_bit;
  EXPECT_EQ(mail(sender, offered), "MAIL FROM:<> BODY=7BIT\r\n");
}

TEST(ClientCommands, PassNotifyAndOrcptOnWithDsn) {
  Recipient recipient{Mailbox("user", "tech.company.ru"), {}};
  recipient.parameters.notify.success = recipient.parameters.notify.delay = true;
  recipient.parameters.orcpt = "rfc822;user@company.ru";
  EXPECT_EQ(rcpt(recipient, everything()),
            "RCPT TO:<user@tech.company.ru> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;user@company.ru\r\n");
  EXPECT_EQ(rcpt(recipient, Capabilities()), "RCPT TO:<user@tech.company.ru>\r\n");
  recipient.parameters = {};
  recipient.parameters.notify.never = true;
  EXPECT_EQ(rcpt(recipient, everything()), "RCPT TO:<user@tech.company.ru> NOTIFY=NEVER\r\n");
}

TEST(ClientCommands, WriteAPostmasterWithoutDomainAndQuotesAsTheyCame) {
  EXPECT_EQ(rcpt({Mailbox("Postmaster", ""), {}}, everything()), "RCPT TO:<Postmaster>\r\n");
  EXPECT_EQ(rcpt({Mailbox("\"a b\"", "d.ru"), {}}, everything()), "RCPT TO:<\"a b\"@d.ru>\r\n");
}

TEST(ClientCommands, WriteBdatHeaders) {
  std::string out;
  append_bdat(65536, false, out);
  append_bdat(0, true, out);
  EXPECT_EQ(out, "BDAT 65536\r\nBDAT 0 LAST\r\n");
}

}  // namespace
}  // namespace postern::smtp
