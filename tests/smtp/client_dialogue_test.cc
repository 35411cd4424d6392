// SPDX-License-Identifier: Apache-2.0
#include "client_dialogue_fixture.h"

namespace postern::smtp {
namespace {

TEST_F(ClientDialogueTest, SendsAMessageOverTlsWithMailAndRcptInOneWrite) {
  expect(kPipelined, one_message);
  EXPECT_FALSE(dialogue->failure());
}

TEST_F(ClientDialogueTest, WaitsForEachReplyWithoutPipelining) {
  expect({"S: 220 x",
          "C: EHLO gw.d.ru",
          "S: 250 x",
          "C: MAIL FROM:<a@e.com>",
          "S: 250 ok",
          "C: RCPT TO:<b@d.ru>",
          "S: 250 ok",
          "C: DATA",
          "S: 354 go",
          "BODY",
          "S: 250 ok",
          "C: QUIT",
          "S: 221 bye"},
         one_message);
}

TEST_F(ClientDialogueTest, FallsBackToHeloWhenEhloIsNotKnown) {
  expect({"S: 220 x", "C: EHLO gw.d.ru", "S: 502 5.5.1 what", "C: HELO gw.d.ru", "S: 250 x"},
         nothing);
  EXPECT_FALSE(dialogue->failure());
  EXPECT_EQ(dialogue->capabilities(), Capabilities());
}

TEST_F(ClientDialogueTest, IsRefusedByGreetingEhloOrHelo) {
  struct Case {
    Transcript transcript;
    ClientStep step;
    int code;
  };
  const Case cases[] = {
      {{"S: 554 no"},                                                                ClientStep::greeting, 554},
      {{"S: 421 4.3.2 busy"},                                                        ClientStep::greeting, 421},
      {{"S: 220 x", "C: EHLO gw.d.ru", "S: 450 later"},                              ClientStep::ehlo,     450},
      {{"S: 220 x", "C: EHLO gw.d.ru", "S: 550 no", "C: HELO gw.d.ru", "S: 550 no"},
       ClientStep::helo,
       550                                                                                                    },
  };
  for (const Case& c : cases) {
    expect(c.transcript, nothing);
    EXPECT_EQ(dialogue->failure().kind, Kind::refused);
    EXPECT_EQ(dialogue->failure().step, c.step);
    EXPECT_EQ(dialogue->failure().reply.code(), c.code);
  }
}

/// Behind greeting and EHLO; `capability` is offered.
Transcript ready(const std::string& capability, Transcript rest) {
  Transcript out = {"S: 220 x", "C: EHLO gw.d.ru", "S: 250-x", "S: 250 " + capability};
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

bool mail_and_two(ClientDialogue& d, std::size_t finished) {
  if (finished > 0) return false;
  d.mail(sender());
  d.rcpt(recipient("b"));
  d.rcpt(recipient("c"));
  return true;
}

TEST_F(ClientDialogueTest, GivesTheRepliesOfAGroupInOrder) {
  expect(ready("PIPELINING",
               {"C: MAIL FROM:<a@e.com>",
                "C: RCPT TO:<b@d.ru>",
                "C: RCPT TO:<c@d.ru>",
                "S: 250 ok",
                "S: 550 no",
                "S: 452 later"}),
         mail_and_two);
  EXPECT_EQ(answers(), "MAIL 250, RCPT 550, RCPT 452");
}

TEST_F(ClientDialogueTest, DropsTheRestOfAGroupWhenMailIsRefused) {
  expect(ready("DSN", {"C: MAIL FROM:<a@e.com>", "S: 552 5.3.4 too large"}), mail_and_two);
  EXPECT_EQ(answers(), "MAIL 552");
  EXPECT_FALSE(dialogue->failure());
}

TEST_F(ClientDialogueTest, TakesA421AnywhereForTheEndOfTheConnection) {
  expect(ready("PIPELINING",
               {"C: MAIL FROM:<a@e.com>",
                "C: RCPT TO:<b@d.ru>",
                "C: RCPT TO:<c@d.ru>",
                "S: 250 ok",
                "S: 421 4.3.2 bye"}),
         mail_and_two);
  EXPECT_EQ(answers(), "MAIL 250, RCPT 421");
  EXPECT_EQ(dialogue->failure().kind, Kind::closing);
}

TEST_F(ClientDialogueTest, ResetsATransactionThatWasLeftInTheNextMailsWrite) {
  const Wants wants = [](ClientDialogue& d, std::size_t finished) {
    if (finished == 2) return false;
    d.mail(sender());
    if (finished == 0) d.rcpt(recipient("b"));
    return true;
  };
  expect(ready("PIPELINING",
               {"C: MAIL FROM:<a@e.com>",
                "C: RCPT TO:<b@d.ru>",
                "S: 250 ok",
                "S: 550 no",
                "C: RSET",
                "C: MAIL FROM:<a@e.com>",
                "S: 250 ok",
                "S: 250 ok"}),
         wants);
  EXPECT_EQ(answers(), "MAIL 250");
}

TEST_F(ClientDialogueTest, AsksForRecipientsAndCallsTheMessageOffInOneWrite) {
  const Wants wants = [](ClientDialogue& d, std::size_t finished) {
    if (finished == 2) return false;
    d.mail(sender());
    d.rcpt(recipient("b"));
    d.call_off();
    return true;
  };
  const Transcript group = {"C: MAIL FROM:<a@e.com>",
                            "C: RCPT TO:<b@d.ru>",
                            "C: RSET",
                            "S: 250 ok",
                            "S: 550 no",
                            "S: 250 ok"};
  Transcript twice = group;
  twice.insert(twice.end(), group.begin(), group.end());
  expect(ready("PIPELINING", twice), wants);
  EXPECT_EQ(answers(), "MAIL 250, RCPT 550");
  EXPECT_FALSE(dialogue->in_transaction()) << "the next MAIL needs no RSET of its own";
}

TEST_F(ClientDialogueTest, CallsOffOneByOneWithoutPipelining) {
  const Wants wants = [](ClientDialogue& d, std::size_t finished) {
    if (finished == 2) return false;
    d.mail(sender());
    d.rcpt(recipient("b"));
    d.call_off();
    return true;
  };
  expect(ready("DSN",
               {"C: MAIL FROM:<a@e.com>",
                "S: 250 ok",
                "C: RCPT TO:<b@d.ru>",
                "S: 250 ok",
                "C: RSET",
                "S: 250 ok",
                "C: MAIL FROM:<a@e.com>",
                "S: 550 no"}),
         wants);
  EXPECT_EQ(answers(), "MAIL 550") << "nothing is left to call off";
}

TEST_F(ClientDialogueTest, NeedsNoResetAfterAMessage) {
  const Wants wants = [](ClientDialogue& d, std::size_t finished) {
    if (finished == 0 || finished == 2) d.mail(sender());
    if (finished == 1) d.data();
    return finished < 3;
  };
  expect(ready("DSN",
               {"C: MAIL FROM:<a@e.com>",
                "S: 250 ok",
                "C: DATA",
                "S: 354 go",
                "BODY",
                "S: 554 5.6.0 no",
                "C: MAIL FROM:<a@e.com>",
                "S: 250 ok"}),
         wants);
  EXPECT_FALSE(dialogue->failure());
}

TEST_F(ClientDialogueTest, TakesAReplyOutOfSequenceForAFailure) {
  const Transcript cases[] = {
      ready("DSN", {"C: MAIL FROM:<a@e.com>", "S: 354 go"}),
      ready("DSN",
            {"C: MAIL FROM:<a@e.com>",
             "S: 250 ok",
             "C: RCPT TO:<b@d.ru>",
             "S: 250 ok",
             "C: DATA",
             "S: 250 what"}),
      {"S: 354 go"},
      {"S: HTTP/1.1 400 Bad Request"},
  };
  for (const Transcript& t : cases) {
    expect(t, one_message);
    EXPECT_EQ(dialogue->failure().kind, Kind::bad_reply);
  }
}

TEST_F(ClientDialogueTest, TakesAReplyThatNobodyAskedForForAFailure) {
  expect({"S: 220 x", "C: EHLO gw.d.ru", "S: 250 x", "S: 250 again"}, nothing);
  EXPECT_EQ(dialogue->failure().kind, Kind::bad_reply);
}

class ChunksTest : public ClientDialogueTest {
 protected:
  void SetUp() override {
    expect(ready("CHUNKING", {"C: MAIL FROM:<a@e.com>", "S: 250 ok"}),
           [](ClientDialogue& d, std::size_t finished) {
             if (finished == 0) d.mail(sender());
             return finished == 0;
           });
  }
};

TEST_F(ChunksTest, AreAnsweredByTheLastOne) {
  dialogue->chunk_sent(false);
  dialogue->chunk_sent(false);
  EXPECT_EQ(dialogue->pending(), 2U);
  dialogue->received("250 ok\r\n250 ok\r\n");
  EXPECT_EQ(dialogue->pending(), 0U);
  EXPECT_TRUE(dialogue->in_body());
  dialogue->chunk_sent(true);
  EXPECT_FALSE(dialogue->in_body());
  dialogue->received("250 2.6.0 queued\r\n");
  EXPECT_EQ(answers(), "BDAT 250");
}

TEST_F(ChunksTest, TellOfARefusalAndNeedAReset) {
  dialogue->chunk_sent(false);
  dialogue->chunk_sent(false);
  dialogue->received("552 5.3.4 too large\r\n503 5.5.1 chunk\r\n");
  EXPECT_TRUE(dialogue->chunk_refused());
  EXPECT_FALSE(dialogue->in_body());
  EXPECT_EQ(dialogue->answers().front().reply.code(), 552);
  dialogue->mail(sender());
  const auto action = dialogue->next();
  ASSERT_TRUE(std::holds_alternative<ClientDialogue::Send>(action));
  EXPECT_EQ(std::get<ClientDialogue::Send>(action).octets, "RSET\r\n");
  EXPECT_FALSE(dialogue->chunk_refused());
}

TEST_F(ChunksTest, GiveTheFirstRefusalBeforeTheReplyToTheLast) {
  dialogue->chunk_sent(false);
  dialogue->chunk_sent(true);
  dialogue->received("452 4.3.1 full\r\n503 5.5.1 no\r\n");
  EXPECT_EQ(answers(), "BDAT 452, BDAT 503");
}

TEST_F(ClientDialogueTest, FailsCleanlyAtEveryStep) {
  dialogue = std::make_unique<ClientDialogue>(profile);
  const std::size_t actions = play(*dialogue, kPipelined, one_message).actions;
  ASSERT_EQ(actions, 16U);
  for (const Kind kind : {Kind::lost, Kind::timed_out}) {
    for (std::size_t i = 0; i < actions; ++i) {
      ClientDialogue d(profile);
      const ScriptResult result = play(d, kPipelined, one_message, i, kind);
      ASSERT_TRUE(result.failed_at) << i;
      EXPECT_EQ(result.mistake, "");
      EXPECT_EQ(d.failure().step, *result.failed_at) << i;
      EXPECT_EQ(d.failure().kind, d.failure().step == ClientStep::tls ? Kind::no_tls : kind) << i;
      EXPECT_TRUE(std::holds_alternative<ClientDialogue::Finished>(d.next())) << i;
      EXPECT_EQ(d.pending(), 0U);
      // Nothing that comes late changes what is known.
      d.received("250 late\r\n");
      d.lost(Kind::lost, ClientStep::quit, "again");
      EXPECT_EQ(d.failure().step, *result.failed_at) << i;
    }
  }
}

TEST_F(ClientDialogueTest, GivesTheSameForEverySplitOfTheReplies) {
  const std::string replies = "250-x Hello\r\n250-SIZE 100\r\n250 PIPELINING\r\n";
  for (std::size_t cut = 0; cut <= replies.size(); ++cut) {
    ClientDialogue d(profile);
    d.received("220 x\r\n");
    d.sent();
    d.received(std::string_view(replies).substr(0, cut));
    d.received(std::string_view(replies).substr(cut));
    EXPECT_FALSE(d.failure());
    EXPECT_TRUE(d.capabilities().pipelining);
    EXPECT_EQ(d.capabilities().max_size, 100U);
    EXPECT_EQ(d.pending(), 0U);
  }
}

TEST(ClientStep, SaysThatALostFinalReplyMayMeanADuplicate) {
  EXPECT_NE(facts(ClientStep::data_done).doing.find("more than once"), std::string_view::npos);
  EXPECT_NE(facts(ClientStep::last_chunk).doing.find("more than once"), std::string_view::npos);
}

TEST(ClientStep, HasTheTimeLimitsOfRfc5321) {
  const ClientTimeouts t;
  struct Row {
    ClientStep step;
    int seconds;
  };
  const Row rows[] = {
      {ClientStep::greeting,   300},
      {ClientStep::mail,       300},
      {ClientStep::rcpt,       300},
      {ClientStep::data,       120},
      {ClientStep::body,       180},
      {ClientStep::data_done,  600},
      {ClientStep::last_chunk, 600},
  };
  for (const Row& row : rows) {
    EXPECT_EQ((t.*facts(row.step).deadline).count(), row.seconds) << facts(row.step).doing;
  }
}

TEST(ClientFailure, SaysWhatFailedWhereAndWhy) {
  ClientFailure failure;
  failure.kind = Kind::timed_out;
  failure.step = ClientStep::mail;
  EXPECT_EQ(failure.sentence(), "timed out while sending MAIL");
  failure.kind = Kind::lost;
  failure.detail = "connection reset";
  EXPECT_EQ(failure.sentence(), "lost the connection while sending MAIL (connection reset)");
}

}  // namespace
}  // namespace postern::smtp
