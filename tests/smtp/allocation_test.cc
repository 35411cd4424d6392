// SPDX-License-Identifier: Apache-2.0
// The usual path of a command allocates nothing: parse, dialogue and reply work in place.
#include "smtp/data_decoder.h"
#include "smtp/replies.h"
#include "smtp/server_dialogue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}

namespace postern::smtp {
namespace {

void transaction(ServerDialogue& dialogue, std::string& out) {
  out.clear();
  const auto mail =
      dialogue.on_line("MAIL FROM:<i.ivanov@company.ru> SIZE=12345 BODY=8BITMIME RET=HDRS", out);
  dialogue.mail_done(std::get<ServerDialogue::BeginMail>(mail).mail, replies::sender_ok(), out);
  for (int i = 0; i < 10; ++i) {
    dialogue.on_line("RCPT TO:<@relay.example:p.petrov@tech.company.ru> NOTIFY=SUCCESS,FAILURE",
                     out);
    dialogue.recipient_done(replies::recipient_ok(), out);
  }
  dialogue.on_line("NOOP", out);
  dialogue.on_line("DATA", out);
  dialogue.data_done(replies::ok(), out);
  dialogue.message_done(replies::ok(), out);
  dialogue.on_line("RSET", out);
}

TEST(Allocations, ThereIsNoneInAThousandTransactions) {
  ServerProfile profile;
  profile.hostname = "gw.company.ru";
  ServerDialogue dialogue(profile);
  std::string out;
  dialogue.on_line("EHLO client.example", out);
  transaction(dialogue, out);  // `out` grows once
  const std::size_t before = allocations.load();
  for (int i = 0; i < 1000; ++i)
    transaction(dialogue, out);
  EXPECT_EQ(allocations.load(), before);
}

TEST(Allocations, TheCounterCounts) {
  const std::size_t before = allocations.load();
  const auto owned = std::make_unique<std::string>(100, 'x');
  EXPECT_GE(allocations.load(), before + 2);
}

}  // namespace
}  // namespace postern::smtp
