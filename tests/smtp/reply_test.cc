// SPDX-License-Identifier: Apache-2.0
#include "smtp/reply.h"

#include "smtp/replies.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

std::string wire(const Reply& reply) {
  std::string out;
  reply.append_to(out);
  return out;
}

TEST(Reply, WritesCodeStatusAndText) {
  EXPECT_EQ(wire(Reply(550, {5, 1, 1}, Text(std::string("no such user")))),
            "550 5.1.1 no such user\r\n");
  EXPECT_EQ(wire(Reply(354, {}, Text(std::string("go on")))), "354 go on\r\n");
}

TEST(Reply, RepeatsTheStatusOnEveryLine) {  // RFC 2034 4
  EXPECT_EQ(wire(Reply(250, {2, 0, 0}, Text(std::string("one\ntwo")))),
            "250-2.0.0 one\r\n250 2.0.0 two\r\n");
}

TEST(Reply, LetsNoOctetOfTheTextEndALineOfItsOwn) {
  const std::string out = wire(Reply(550, {5, 0, 0}, Text(std::string("a\rb\0c", 5))));
  EXPECT_EQ(out, "550 5.0.0 a b c\r\n");
}

TEST(Reply, CutsALineAt512Octets) {  // RFC 5321 4.5.3.1.5
  const std::string out = wire(Reply(550, {5, 0, 0}, Text(std::string(2000, 'x'))));
  EXPECT_EQ(out.size(), 512U);
  EXPECT_TRUE(out.ends_with("x\r\n"));
}

TEST(Reply, IsOneLineForLogs) {
  EXPECT_EQ(Reply(421, {4, 3, 2}, Text(std::string("one\ntwo"))).line(), "421 4.3.2 one / two");
  EXPECT_EQ(Reply(354, {}, Text(std::string("go"))).line(), "354 go");
}

TEST(Reply, KnowsItsClass) {
  EXPECT_TRUE(replies::ok().is_positive());
  EXPECT_TRUE(replies::start_mail_input().is_positive());
  EXPECT_TRUE(replies::other_next_hop().is_transient());
  EXPECT_TRUE(replies::bare_line_end().is_permanent());
}

}  // namespace
}  // namespace postern::smtp
