// SPDX-License-Identifier: Apache-2.0
#include "smtp/command.h"

#include "smtp/verbs.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

template <class T>
T parsed(std::string_view line, const ParserOptions& options = {}) {
  const Command command = parse_command(line, options);
  const T* const out = std::get_if<T>(&command);
  if (out == nullptr) {
    ADD_FAILURE() << line << " is another command";
    return T{};
  }
  return *out;
}

Errc problem(std::string_view line, const ParserOptions& options = {}) {
  return parsed<BadArguments>(line, options).reason;
}

TEST(CommandParser, ReadsMailWithItsParameters) {  // RFC 1870, 6152, 3461, 4954
  const Mail mail = parsed<Mail>(
      "MAIL FROM:<a@b.example> SIZE=1000 BODY=8BITMIME RET=FULL ENVID=Q+2B1 AUTH=<> SMTPUTF8");
  EXPECT_EQ(mail.path.local, "a");
  EXPECT_EQ(mail.parameters.size, 1000U);
  EXPECT_EQ(mail.parameters.body, Body::eight_bit_mime);
  EXPECT_EQ(mail.parameters.ret, Ret::full);
  EXPECT_EQ(mail.parameters.envid, "Q+2B1");
  EXPECT_EQ(mail.parameters.auth, "<>");
  EXPECT_TRUE(mail.parameters.smtputf8);
}

TEST(CommandParser, ReadsRcptWithItsParameters) {  // RFC 3461 4.1, 4.2
  const Rcpt rcpt =
      parsed<Rcpt>("RCPT TO:<a@b.example> NOTIFY=FAILURE,delay ORCPT=rfc822;x+2By@z.example");
  EXPECT_FALSE(rcpt.parameters.notify.never);
  EXPECT_FALSE(rcpt.parameters.notify.success);
  EXPECT_TRUE(rcpt.parameters.notify.failure);
  EXPECT_TRUE(rcpt.parameters.notify.delay);
  EXPECT_EQ(rcpt.parameters.orcpt, "rfc822;x+2By@z.example");
}

TEST(CommandParser, ReadsBdat) {  // RFC 3030
  EXPECT_EQ(parsed<Bdat>("BDAT 86400").size, 86400U);
  EXPECT_FALSE(parsed<Bdat>("BDAT 0").last);
  EXPECT_TRUE(parsed<Bdat>("bdat 0 last").last);
  for (const char* line : {"BDAT",
                           "BDAT x",
                           "BDAT -1",
                           "BDAT 1 FIRST",
                           "BDAT 1 LAST LAST",
                           "BDAT 99999999999999999999"}) {
    const Command command = parse_command(line, {});
    EXPECT_TRUE(std::holds_alternative<BadArguments>(command)) << line;
  }
}

TEST(CommandParser, TakesOnlyParametersThatAreOffered) {
  ParserOptions none;
  none.extended = false;
  EXPECT_EQ(problem("MAIL FROM:<a@b.example> SIZE=1", none), Errc::unknown_parameter);
  ParserOptions plain;
  plain.smtputf8 = plain.dsn = plain.auth = false;
  for (const char* parameter : {"SMTPUTF8", "RET=FULL", "ENVID=x", "AUTH=<>", "REQUIRETLS"}) {
    EXPECT_EQ(problem("MAIL FROM:<a@b.example> " + std::string(parameter), plain),
              Errc::unknown_parameter)
        << parameter;
  }
  EXPECT_EQ(problem("RCPT TO:<a@b.example> NOTIFY=NEVER", plain), Errc::unknown_parameter);
  EXPECT_EQ(problem("MAIL FROM:<a@b.example> BODY=BINARYMIME"), Errc::bad_parameter_value);
}

TEST(CommandParser, RefusesXtextThatIsNone) {  // RFC 3461 4
  for (const char* value : {"a+", "a+2", "a+2b", "a+zz", "a=b", "a\xd0"}) {
    EXPECT_EQ(problem("MAIL FROM:<a@b.example> ENVID=" + std::string(value)),
              Errc::bad_parameter_value)
        << value;
  }
  EXPECT_EQ(parsed<Mail>("MAIL FROM:<a@b.example> ENVID=+2B+3D").parameters.envid, "+2B+3D");
}

TEST(CommandParser, WantsAnAtomAsTheTypeOfAnOriginalRecipient) {  // RFC 3461 4.2
  for (const char* value : {"x", ";a", "r(c;a", "rfc\xd0;a", "rfc822;a="}) {
    EXPECT_EQ(problem("RCPT TO:<a@b.example> ORCPT=" + std::string(value)),
              Errc::bad_parameter_value)
        << value;
  }
}

TEST(CommandParser, TakesNoWordInsideQuotesForSmtputf8) {  // RFC 6531 3.4
  EXPECT_EQ(problem("MAIL FROM:<\"\xd0\xb8 SMTPUTF8 \"@b.example>"), Errc::needs_smtputf8);
  EXPECT_EQ(parsed<Mail>("MAIL FROM:<\"a SMTPUTF8 \"@b.example>").path.local, "\"a SMTPUTF8 \"");
}

TEST(CommandParser, RefusesAParameterTwice) {
  for (const char* twice : {"SIZE=1 SIZE=2",
                            "BODY=7BIT BODY=7BIT",
                            "SMTPUTF8 SMTPUTF8",
                            "RET=FULL RET=HDRS",
                            "ENVID=a ENVID=b"}) {
    EXPECT_EQ(problem("MAIL FROM:<a@b.example> " + std::string(twice)), Errc::duplicate_parameter)
        << twice;
  }
}

TEST(CommandParser, KnowsEveryVerbOfTheTableInAnyCase) {
  for (const VerbRow& row : kVerbs) {
    std::string line = ascii_lower(row.name);
    if (row.argument == ArgumentForm::required) line += " x";
    EXPECT_EQ(verb_of(parse_command(line, {})), row.verb) << line;
    EXPECT_EQ(verb_name(row.verb), row.name);
  }
  EXPECT_EQ(parsed<UnknownCommand>("XEXCH50 2 2").verb, "XEXCH50");
  EXPECT_EQ(parsed<UnknownCommand>("MAILX FROM:<a@b>").verb, "MAILX");
}

}  // namespace
}  // namespace postern::smtp
