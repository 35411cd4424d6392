// SPDX-License-Identifier: Apache-2.0
// STARTTLS as the client has it.
#include "client_dialogue_fixture.h"

namespace postern::smtp {
namespace {

TEST_F(ClientDialogueTest, GoesOnInPlainWhenStarttlsIsRefusedUnderMay) {
  expect({"S: 220 x",
          "C: EHLO gw.d.ru",
          "S: 250-x",
          "S: 250 STARTTLS",
          "C: STARTTLS",
          "S: 454 4.7.0 not now"},
         nothing);
  EXPECT_FALSE(dialogue->failure());
  EXPECT_FALSE(dialogue->is_tls());
}

TEST_F(ClientDialogueTest, FailsWithoutTlsUnderEncrypt) {
  profile.tls = Tls::encrypt;
  const Transcript cases[] = {
      {"S: 220 x",         "C: EHLO gw.d.ru", "S: 250 x"},
      {          "S: 220 x",             "C: EHLO gw.d.ru", "S: 500 no",                  "C: HELO gw.d.ru", "S: 250 x"},
      { "S: 220 x", "C: EHLO gw.d.ru",  "S: 250-x",                     "S: 250 STARTTLS", "C: STARTTLS", "S: 454 no"},
  };
  for (const Transcript& t : cases) {
    expect(t, one_message);
    EXPECT_TRUE(dialogue->failure());
  }
}

TEST_F(ClientDialogueTest, DoesNotUseStarttlsUnderNone) {
  profile.tls = Tls::none;
  expect({"S: 220 x", "C: EHLO gw.d.ru", "S: 250-x", "S: 250 STARTTLS"}, nothing);
  EXPECT_FALSE(dialogue->failure());
}

TEST_F(ClientDialogueTest, RefusesOctetsThatCameBeforeTheHandshake) {
  expect({"S: 220 x",
          "C: EHLO gw.d.ru",
          "S: 250-x",
          "S: 250 STARTTLS",
          "C: STARTTLS",
          "S: 220 go",
          "S: 250 injected"},
         nothing);
  EXPECT_EQ(dialogue->failure().kind, Kind::bad_reply);
}

TEST_F(ClientDialogueTest, ForgetsWhatWasOfferedInPlain) {
  profile.tls = Tls::may;
  expect({"S: 220 x",
          "C: EHLO gw.d.ru",
          "S: 250-x",
          "S: 250-CHUNKING",
          "S: 250 STARTTLS",
          "C: STARTTLS",
          "S: 220 go",
          "TLS",
          "C: EHLO gw.d.ru",
          "S: 250 x"},
         nothing);
  EXPECT_FALSE(dialogue->capabilities().chunking);
}

}  // namespace
}  // namespace postern::smtp
