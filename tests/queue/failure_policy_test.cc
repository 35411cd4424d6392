// SPDX-License-Identifier: Apache-2.0
#include "queue/failure_policy.h"

#include <gtest/gtest.h>

namespace postern::queue {
namespace {

using Kind = smtp::ClientFailure::Kind;
using Next = Remedy::Next;
using smtp::ClientStep;

struct Row {
  const char* name;
  Scope scope;
  Kind kind;
  ClientStep step;
  const char* said;  ///< the server's reply, "" for none
  Progress progress;
  bool reused;
  bool hosts_left;
  // expected
  Next next;
  bool keep;
  bool down;
  const char* reply;  ///< code and enhanced status
};

smtp::Reply reply_of(std::string_view line) {
  std::string octets = std::string(line) + "\r\n";
  std::string_view input = octets;
  smtp::ReplyParser parser;
  const auto complete = parser.parse(input);
  return complete && *complete == smtp::ReplyParser::Got::reply ? parser.take() : smtp::Reply();
}

constexpr Row kRows[] = {
  // No session: the next host, else 4xx whatever was said.
    {"refused connection",
     Scope::session,
     Kind::unreachable,
     ClientStep::connect,
     "",                    Progress::nothing,
     false, true,
     Next::other_host,
     false, true,
     "451 4.4.1"},
    {"refused connection at the last host",
     Scope::session,
     Kind::unreachable,
     ClientStep::connect,
     "",                    Progress::nothing,
     false, false,
     Next::give_back,
     false, true,
     "451 4.4.1"},
    {"connect timed out",
     Scope::session,
     Kind::timed_out,
     ClientStep::connect,
     "",                    Progress::nothing,
     false, false,
     Next::give_back,
     false, true,
     "451 4.4.1"},
    {"greeting 421",
     Scope::session,
     Kind::refused,
     ClientStep::greeting,
     "421 4.3.2 too many",  Progress::nothing,
     false, true,
     Next::other_host,
     false, true,
     "451 4.3.2"},
    {"greeting 554 at the last host",
     Scope::session,
     Kind::refused,
     ClientStep::greeting,
     "554 5.7.1 go away",   Progress::nothing,
     false, false,
     Next::give_back,
     false, true,
     "451 4.4.1"},
    {"TLS that must be",
     Scope::session,
     Kind::no_tls,
     ClientStep::tls,
     "",                    Progress::nothing,
     false, false,
     Next::give_back,
     false, true,
     "451 4.7.5"},
    {"TLS that must be, not offered",
     Scope::session,
     Kind::no_tls,
     ClientStep::ehlo,
     "",                    Progress::nothing,
     false, true,
     Next::other_host,
     false, true,
     "451 4.7.4"},
    {"TLS that must be, refused",
     Scope::session,
     Kind::refused,
     ClientStep::starttls,
     "454 4.7.0 not now",   Progress::nothing,
     false, false,
     Next::give_back,
     false, true,
     "451 4.7.4"},
    {"421 to STARTTLS",
     Scope::session,
     Kind::refused,
     ClientStep::starttls,
     "421 4.3.2 busy",      Progress::nothing,
     false, true,
     Next::other_host,
     false, true,
     "451 4.3.2"},
    {"not SMTP",
     Scope::session,
     Kind::bad_reply,
     ClientStep::greeting,
     "",                    Progress::nothing,
     false, false,
     Next::give_back,
     false, true,
     "451 4.4.1"},
 // A session that ends within a transaction.
    {"kept connection is dead",
     Scope::host,
     Kind::lost,
     ClientStep::mail,
     "",                    Progress::nothing,
     true,  false,
     Next::reopen,
     false, false,
     "451 4.4.2"},
    {"kept connection says 421",
     Scope::host,
     Kind::closing,
     ClientStep::mail,
     "421 4.4.2 idle",      Progress::nothing,
     true,  true,
     Next::reopen,
     false, false,
     "451 4.4.2"},
    {"fresh connection dies at MAIL",
     Scope::host,
     Kind::lost,
     ClientStep::mail,
     "",                    Progress::nothing,
     false, true,
     Next::other_host,
     false, true,
     "451 4.4.2"},
    {"fresh connection says 421 to RCPT, last host",
     Scope::host,
     Kind::closing,
     ClientStep::rcpt,
     "421 4.3.2 stop",      Progress::nothing,
     false, false,
     Next::give_back,
     false, true,
     "451 4.3.2"},
    {"lost after a recipient was accepted",
     Scope::host,
     Kind::lost,
     ClientStep::data,
     "",                    Progress::envelope,
     false, true,
     Next::give_back,
     false, false,
     "451 4.4.2"},
    {"lost within the message",
     Scope::host,
     Kind::lost,
     ClientStep::body,
     "",                    Progress::body,
     false, true,
     Next::give_back,
     false, false,
     "451 4.4.2"},
    {"refused and closed within the message",
     Scope::host,
     Kind::closing,
     ClientStep::body,
     "552 5.3.4 too large", Progress::body,
     false, true,
     Next::give_back,
     false, false,
     "552 5.3.4"},
    {"lost after the final dot",
     Scope::host,
     Kind::lost,
     ClientStep::data_done,
     "",                    Progress::done,
     false, true,
     Next::give_back,
     false, false,
     "451 4.4.2"},
    {"lost after the final dot of a kept connection",
     Scope::host,
     Kind::timed_out,
     ClientStep::data_done,
     "",                    Progress::done,
     true,  true,
     Next::give_back,
     false, false,
     "451 4.4.2"},
 // Refusals of the message or a recipient: the server's own word, the connection is good.
    {"MAIL 452",
     Scope::message,
     Kind::none,
     ClientStep::mail,
     "452 4.3.1 low space", Progress::nothing,
     false, true,
     Next::give_back,
     true,  false,
     "452 4.3.1"},
    {"final 550",
     Scope::message,
     Kind::none,
     ClientStep::data_done,
     "550 5.7.1 no",        Progress::done,
     false, true,
     Next::give_back,
     true,  false,
     "550 5.7.1"},
    {"RCPT 550 without a status",
     Scope::recipient,
     Kind::none,
     ClientStep::rcpt,
     "550 who?",            Progress::nothing,
     false, true,
     Next::give_back,
     true,  false,
     "550 5.0.0"},
};

TEST(FailurePolicy, FollowsItsTable) {
  for (const Row& row : kRows) {
    Trouble trouble;
    trouble.scope = row.scope;
    trouble.failure.kind = row.kind;
    trouble.failure.step = row.step;
    const smtp::Reply said = reply_of(row.said);
    (row.kind == Kind::none ? trouble.reply : trouble.failure.reply) = said;
    trouble.progress = row.progress;
    trouble.reused = row.reused;
    trouble.hosts_left = row.hosts_left;
    const Remedy found = remedy(trouble, "10.0.0.5:25");
    EXPECT_EQ(found.next, row.next) << row.name;
    EXPECT_EQ(found.keep_connection, row.keep) << row.name;
    EXPECT_EQ(found.remember_down, row.down) << row.name;
    const smtp::EnhancedStatus s = found.reply.status();
    EXPECT_EQ(std::to_string(found.reply.code()) + " " + std::to_string(s.klass) + "." +
                  std::to_string(s.subject) + "." + std::to_string(s.detail),
              row.reply)
        << row.name;
  }
}

TEST(FailurePolicy, NeverTriesASecondHostOnceARecipientWasAccepted) {
  for (const Progress progress : {Progress::envelope, Progress::body, Progress::done}) {
    for (const bool reused : {false, true}) {
      Trouble trouble;
      trouble.scope = Scope::host;
      trouble.failure.kind = Kind::lost;
      trouble.progress = progress;
      trouble.reused = reused;
      trouble.hosts_left = true;
      EXPECT_EQ(remedy(trouble, "h").next, Next::give_back);
    }
  }
}

TEST(FailurePolicy, NeverSays421ToOurOwnClientAndKeepsTheText) {
  const smtp::Reply reply = given_back(smtp::Reply(421, {4, 3, 2}, "Service not available"_text));
  EXPECT_EQ(reply.code(), 451);
  EXPECT_EQ(reply.status(), (smtp::EnhancedStatus{4, 3, 2}));
  EXPECT_EQ(reply.text(), "Service not available");
}

TEST(FailurePolicy, NamesTheHostAndWhatWasBeingDone) {
  Trouble trouble;
  trouble.failure.kind = Kind::timed_out;
  trouble.failure.step = ClientStep::greeting;
  EXPECT_EQ(remedy(trouble, "10.0.0.5:25").reply.text(),
            "next hop 10.0.0.5:25: timed out while waiting for the greeting");
}

}  // namespace
}  // namespace postern::queue
