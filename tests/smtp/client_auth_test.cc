// SPDX-License-Identifier: Apache-2.0
#include "smtp/client_dialogue.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

using D = ClientDialogue;

/// What it would write now; "": nothing.
std::string said(D& dialogue) {
  const D::Action action = dialogue.next();
  const auto* send = std::get_if<D::Send>(&action);
  if (send == nullptr) return {};
  std::string octets(send->octets);
  dialogue.sent();
  return octets;
}

class ClientAuth : public ::testing::Test {
 protected:
  ClientAuth() {
    dialogue.received("220 hop\r\n");
    said(dialogue);
    dialogue.received("250-hop\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n");
  }
  const ClientProfile profile{"gw.company.ru", ClientProfile::Tls::none};
  D dialogue{profile};
};

TEST_F(ClientAuth, GoesLineByLine) {
  EXPECT_EQ(dialogue.capabilities().mechanisms, "PLAIN LOGIN");
  EXPECT_TRUE(std::holds_alternative<D::Finished>(dialogue.next()));
  EXPECT_EQ(dialogue.auth_reply().code(), 0);
  dialogue.auth("AUTH LOGIN");
  EXPECT_EQ(said(dialogue), "AUTH LOGIN\r\n");
  dialogue.received("334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(dialogue.auth_reply().code(), 334);
  EXPECT_EQ(dialogue.auth_reply().text(), "VXNlcm5hbWU6");
  dialogue.auth("YW5u");
  EXPECT_EQ(said(dialogue), "YW5u\r\n");
  dialogue.received("334 \r\n");
  EXPECT_EQ(dialogue.auth_reply().text(), "");
  dialogue.auth("");
  EXPECT_EQ(said(dialogue), "\r\n");
  dialogue.received("235 2.7.0 welcome\r\n");
  EXPECT_EQ(dialogue.auth_reply().code(), 235);
  EXPECT_FALSE(dialogue.failure());
  EXPECT_TRUE(dialogue.answers().empty());
}

TEST_F(ClientAuth, ARefusalEndsTheConnection) {
  dialogue.auth("AUTH PLAIN AGEAYg==");
  said(dialogue);
  dialogue.received("535 5.7.8 no\r\n");
  EXPECT_EQ(dialogue.failure().kind, ClientFailure::Kind::refused);
  EXPECT_EQ(dialogue.failure().sentence(), "refused while logging in: 535 5.7.8 no");
  EXPECT_TRUE(std::holds_alternative<D::Finished>(dialogue.next()));
}

TEST_F(ClientAuth, ASuccessOfAnotherKindIsNone) {
  dialogue.auth("AUTH PLAIN AGEAYg==");
  said(dialogue);
  dialogue.received("250 2.0.0 ok\r\n");
  EXPECT_EQ(dialogue.failure().kind, ClientFailure::Kind::bad_reply);
  EXPECT_EQ(dialogue.auth_reply().code(), 0);
}

}  // namespace
}  // namespace postern::smtp
