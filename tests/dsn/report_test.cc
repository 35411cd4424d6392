// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/report.h"

#include "report_reader.h"
#include "samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::dsn {
namespace {

using namespace std::string_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Composes, and reads what came out; three parts and sound lines always.
ReadReport composed(const Facts& facts) {
  const std::optional<Report> report = compose(facts);
  EXPECT_TRUE(report);
  if (!report) return {};
  ReadReport read = read_report(report->octets);
  EXPECT_EQ(read.problem, "");
  EXPECT_EQ(read.parts.size(), 3U);
  read.parts.resize(3);
  return read;
}

/// The field of the first recipient.
std::string status_field(const Facts& facts, std::string_view name) {
  const std::vector<Fields> groups = read_groups(composed(facts).parts[1].body);
  return groups.size() < 2 ? "no group" : value(groups[1], name);
}

TEST(DsnReport, HasTheHeaderOfAReport) {
  const ReadReport read = composed(facts());
  EXPECT_EQ(value(read.fields, "date"), "Tue, 24 Nov 2026 08:01:30 +0000");
  EXPECT_EQ(value(read.fields, "from"), "Mail Delivery System <postmaster@gw.company.ru>");
  EXPECT_EQ(value(read.fields, "to"), "<anna@partner.ru>");
  EXPECT_EQ(value(read.fields, "auto-submitted"), "auto-replied");
  EXPECT_EQ(value(read.fields, "mime-version"), "1.0");
  EXPECT_EQ(value(read.fields, "content-transfer-encoding"), "7bit");
  EXPECT_EQ(value(read.fields, "received"), "(none)");
  EXPECT_THAT(value(read.fields, "subject"), StartsWith("Undelivered mail"));
  EXPECT_THAT(value(read.fields, "message-id"), StartsWith("<dsn."));
  EXPECT_THAT(value(read.fields, "message-id"), EndsWith("@gw.company.ru>"));
  EXPECT_THAT(value(read.fields, "content-type"),
              StartsWith("multipart/report; report-type=delivery-status;"));
}

TEST(DsnReport, SaysWhatBecameOfEachRecipient) {
  Facts f = facts();
  f.sender.parameters.envid = "QQ+2B1";
  f.recipients[0].recipient.parameters.orcpt = "rfc822;ivan+2Bb@company.ru";
  f.recipients.push_back(recipient("p@company.ru",
                                   Action::delayed,
                                   {
                                       451, {4, 3, 2},
                                        std::string("later")
  }));
  const std::vector<Fields> groups = read_groups(composed(f).parts[1].body);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0],
            (Fields{
                {"reporting-mta",        "dns; gw.company.ru"             },
                {"original-envelope-id", "QQ+1"                           },
                {"arrival-date",         "Tue, 24 Nov 2026 08:00:00 +0000"},
  }));
  EXPECT_EQ(groups[1],
            (Fields{
                {"original-recipient", "rfc822; ivan+b@company.ru"      },
                {"final-recipient",    "rfc822; i.ivanov@company.ru"    },
                {"action",             "failed"                         },
                {"status",             "5.1.1"                          },
                {"remote-mta",         "dns; ex01.company.ru"           },
                {"diagnostic-code",    "smtp; 550 5.1.1 no such user"   },
                {"last-attempt-date",  "Tue, 24 Nov 2026 08:01:00 +0000"},
  }));
  EXPECT_EQ(value(groups[2], "action"), "delayed");
  EXPECT_EQ(value(groups[2], "status"), "4.3.2");
  EXPECT_EQ(value(groups[2], "will-retry-until"), "Sun, 29 Nov 2026 08:00:00 +0000");
}

TEST(DsnReport, ReportsAStatusThatFitsTheAction) {
  struct Case {
    Action action;
    smtp::Reply reply;
    const char* status;
  };
  const Case cases[] = {
      {Action::failed,    {550, {5, 7, 1}, "x"_text},    "5.7.1"},
      {Action::failed,    {550, {}, "x"_text},           "5.0.0"},
      {Action::failed,    {451, {4, 3, 0}, "x"_text},    "4.3.0"},
      {Action::failed,    {451, {}, "x"_text},           "4.4.7"},
      {Action::failed,    {},                            "4.4.7"},
      {Action::failed,    {550, {5, 1000, 1}, "x"_text}, "5.0.0"},
      {Action::failed,    {250, {2, 1, 5}, "x"_text},    "4.4.7"},
      {Action::delayed,   {},                            "4.4.1"},
      {Action::delayed,   {421, {}, "x"_text},           "4.0.0"},
      {Action::delayed,   {550, {5, 1, 1}, "x"_text},    "4.0.0"},
      {Action::relayed,   {250, {2, 1, 5}, "x"_text},    "2.1.5"},
      {Action::relayed,   {250, {}, "x"_text},           "2.0.0"},
      {Action::delivered, {},                            "2.0.0"},
      {Action::expanded,  {},                            "2.0.0"},
  };
  for (const Case& c : cases) {
    Facts f = facts();
    f.recipients[0].action = c.action;
    f.recipients[0].reply = c.reply;
    EXPECT_EQ(status_field(f, "status"), c.status) << name(c.action) << " " << c.reply.line();
    EXPECT_EQ(status_field(f, "action"), name(c.action));
  }
}

TEST(DsnReport, LeavesOutWhatIsNotKnown) {
  Facts f = facts();
  f.arrival.reset();
  f.recipients[0].reply = {};
  f.recipients[0].host.clear();
  f.recipients[0].last_attempt.reset();
  for (const char* field :
       {"original-recipient", "remote-mta", "diagnostic-code", "last-attempt-date"})
    EXPECT_EQ(status_field(f, field), "(none)") << field;
  EXPECT_EQ(read_groups(composed(f).parts[1].body)[0].size(), 1U);
}

TEST(DsnReport, TellsTheSenderAndTheAdministrator) {
  const ReadReport read = composed(facts());
  EXPECT_EQ(value(read.parts[0].fields, "content-type"), "text/plain; charset=us-ascii");
  const std::string& text = read.parts[0].body;
  EXPECT_THAT(text, HasSubstr("could not be delivered"));
  EXPECT_THAT(text, HasSubstr("<i.ivanov@company.ru>"));
  EXPECT_THAT(text, HasSubstr("The mail server ex01.company.ru said:\r\n"));
  EXPECT_THAT(text, HasSubstr("550 5.1.1 no such user"));
  EXPECT_THAT(text, HasSubstr("Check the address"));
  EXPECT_THAT(text, HasSubstr("For administrators: rcpt: refused by the next hop; next hop"));
  EXPECT_THAT(text, HasSubstr("4a7b"));
  EXPECT_THAT(text, Not(HasSubstr("Exchange receive connector")));
}

TEST(DsnReport, NamesAnExchangeConnectorWithoutTheRightToRelay) {
  struct Case {
    smtp::Reply reply;
    bool named;
  };
  const Case cases[] = {
      {unable_to_relay(),                                         true },
      {{550, {5, 7, 54}, "SMTP; Unable to relay recipient"_text}, true },
      {{550, {5, 7, 1}, "Client was not authenticated"_text},     false},
      {{450, {4, 7, 1}, "Unable to relay"_text},                  false},
  };
  for (const Case& c : cases) {
    Facts f = facts();
    f.recipients[0].reply = c.reply;
    const bool named = composed(f).parts[0].body.find("anonymous rights only") != std::string::npos;
    EXPECT_EQ(named, c.named) << c.reply.line();
  }
}

TEST(DsnReport, SubjectNamesTheGravestAction) {
  struct Case {
    std::vector<Action> actions;
    const char* subject;
  };
  const Case cases[] = {
      {{Action::relayed, Action::delayed, Action::failed}, "Undelivered mail"},
      {{Action::relayed, Action::delayed},                 "Delayed mail"    },
      {{Action::delivered, Action::relayed},               "Relayed mail"    },
      {{Action::expanded},                                 "Relayed mail"    },
      {{Action::delivered},                                "Delivered mail"  },
  };
  for (const Case& c : cases) {
    Facts f = facts();
    f.recipients.clear();
    for (const Action action : c.actions)
      f.recipients.push_back(recipient("a@company.ru", action, {}));
    EXPECT_THAT(value(composed(f).fields, "subject"), StartsWith(c.subject));
  }
}

struct ReturnedCase {
  const char* name;
  smtp::Ret ret;
  std::string message;
  std::size_t most;
  bool requiretls;
  bool whole;
};

TEST(DsnReport, ReturnsTheMessageForRetFullWhereItCan) {
  const std::string message(kMessage);
  const ReturnedCase cases[] = {
      {"FULL",          smtp::Ret::full,        message, 9999,                                        false,        true },
      {"FULL, at size", smtp::Ret::full,        message, message.size(),                              false,        true },
      {"FULL, beyond",  smtp::Ret::full,        message, message.size() - 1,                          false,        false},
      {"HDRS",          smtp::Ret::headers,     message, 9999,                                        false,        false},
      {"none",          smtp::Ret::unspecified, message, 9999,                                        false,        false},
      {"not to be had", smtp::Ret::full,        "",      9999,                                        false,        false},
      {"a long line",
       smtp::Ret::full,
       message + std::string(999,                        'a') + "\r\n",
       9999,                                                                                                        false,
       false},
      {"a NUL",               smtp::Ret::full,                               message + "a\0b\r\n"s,         9999, false, false},
      {"a bare CR",               smtp::Ret::full,                           message + "a\rb\r\n",     9999,  false,      false    },
      {"REQUIRETLS",               smtp::Ret::full,                          message,    9999,               true,                    false  },
  };
  for (const ReturnedCase& c : cases) {
    Facts f = facts();
    f.message = c.message;
    f.most_returned = c.most;
    f.sender.parameters.ret = c.ret;
    f.sender.parameters.requiretls = c.requiretls;
    const ReadPart part = composed(f).parts[2];
    EXPECT_EQ(value(part.fields, "content-type"),
              c.whole ? "message/rfc822" : "text/rfc822-headers")
        << c.name;
    EXPECT_EQ(part.body, c.whole ? c.message : std::string(kHeader)) << c.name;
  }
}

TEST(DsnReport, IsNotComposedForTheNullSenderR17) {
  Facts f = facts();
  f.sender.path = smtp::ReversePath();
  EXPECT_FALSE(compose(f));
}

TEST(DsnReport, IsNotComposedForNobody) {
  Facts f = facts();
  f.recipients.clear();
  EXPECT_FALSE(compose(f));
}

TEST(DsnReport, IsTheSameForTheSameFactsAndHasAMessageIdOfItsOwn) {
  EXPECT_EQ(compose(facts())->octets, compose(facts())->octets);
  Facts other = facts();
  other.recipients[0].recipient.address = mailbox("j@company.ru");
  EXPECT_NE(value(composed(facts()).fields, "message-id"),
            value(composed(other).fields, "message-id"));
}

}  // namespace
}  // namespace postern::dsn
