// SPDX-License-Identifier: Apache-2.0
#include "smtp/verbs.h"

#include "smtp/server_dialogue.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

using Phase = ServerDialogue::Phase;

bool allowed(Verb verb, Phase phase) {
  return find_verb(verb)->allowed.has(static_cast<unsigned>(phase));
}

TEST(VerbTable, HasARowForEveryVerbAndNoneForUnknown) {
  for (unsigned v = 0; v < static_cast<unsigned>(Verb::unknown); ++v) {
    const VerbRow* row = find_verb(static_cast<Verb>(v));
    ASSERT_NE(row, nullptr) << v;
    EXPECT_EQ(row->name, verb_name(row->verb));
    EXPECT_TRUE(row->help.starts_with(row->name)) << row->help;
  }
  EXPECT_EQ(find_verb(Verb::unknown), nullptr);
  EXPECT_EQ(kVerbs.size(), static_cast<std::size_t>(Verb::unknown));
}

TEST(VerbTable, NamesOfPhasesMatchTheDialogue) {
  for (const Phase phase : {Phase::connected,
                            Phase::greeted,
                            Phase::mail,
                            Phase::rcpt,
                            Phase::chunks,
                            Phase::chunks_failed}) {
    const auto n = static_cast<unsigned>(phase);
    EXPECT_TRUE(kAnyPhase.has(n));
    EXPECT_EQ(kGreetedPhases.has(n), phase != Phase::connected);
    EXPECT_EQ(kNoTransaction.has(n), phase == Phase::greeted);
    EXPECT_EQ(kBeforeContent.has(n), phase == Phase::mail || phase == Phase::rcpt);
    EXPECT_EQ(kWithRecipient.has(n), phase == Phase::rcpt);
  }
}

TEST(VerbTable, LetsAClientLeaveAndStartAnewAtAnyTime) {  // RFC 5321 4.1.1.5, 4.1.1.9, 4.1.1.10
  for (const Verb verb : {Verb::rset, Verb::noop, Verb::quit, Verb::ehlo, Verb::helo}) {
    for (unsigned phase = 0; phase < 6; ++phase)
      EXPECT_TRUE(allowed(verb, static_cast<Phase>(phase))) << verb_name(verb);
  }
}

TEST(VerbTable, AllowsTlsAndAuthenticationOutsideTransactionsOnly) {  // RFC 3207 4, RFC 4954 4
  for (const Verb verb : {Verb::starttls, Verb::auth}) {
    for (unsigned phase = 0; phase < 6; ++phase)
      EXPECT_EQ(allowed(verb, static_cast<Phase>(phase)),
                static_cast<Phase>(phase) == Phase::greeted);
  }
}

}  // namespace
}  // namespace postern::smtp
