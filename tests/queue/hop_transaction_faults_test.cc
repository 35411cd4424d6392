// SPDX-License-Identifier: Apache-2.0
// A fault at every step of the dialogue: what the client is told, that the message arrives at most
// once in a transaction, and that the next one goes through.
#include "delivery_fixture.h"

#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <thread>

namespace postern::queue {
namespace {

using test::At;
using test::ExchangeServer;
using test::Fault;
using Kind = Fault::Kind;

struct Row {
  const char* name;
  bool chunking;
  At at;
  Kind kind;
  const char* says;
  const char* recipient;  ///< with one host
  const char* final;      ///< with one host; "" when the message never begins
  std::size_t mails;      ///< what the server has taken of this message
  bool other_host;        ///< with a second host, that one takes it
};

constexpr const char* kOk = "250 2.1.5";

const Row kRows[] = {
    {"greeting lost",                   false, At::connect,     Kind::close,         "",                  "451 4.4.1", "",          0, true },
    {"greeting reset",                  false, At::connect,     Kind::reset,         "",                  "451 4.4.1", "",          0, true },
    {"greeting 421",
     false,                                    At::connect,
     Kind::say_and_close,
     "421 4.3.2 busy",                                                                                    "451 4.3.2",
     "",                                                                                                                            0,
     true                                                                                                                                   },
    {"greeting 554",                    false, At::connect,     Kind::say_and_close, "554 no",            "451 4.4.1", "",          0, true },
    {"greeting is not SMTP",            false, At::connect,     Kind::say,           "SSH-2.0-x",         "451 4.4.1", "",          0, true },
    {"EHLO lost",                       false, At::ehlo,        Kind::close,         "",                  "451 4.4.1", "",          0, true },
    {"EHLO 421",                        false, At::ehlo,        Kind::say_and_close, "421 bye",           "451 4.4.1", "",          0, true },
    {"MAIL lost",                       false, At::mail,        Kind::close,         "",                  "451 4.4.2", "",          0, true },
    {"MAIL reset",                      false, At::mail,        Kind::reset,         "",                  "451 4.4.2", "",          0, true },
    {"MAIL 421",
     false,                                    At::mail,
     Kind::say_and_close,
     "421 4.3.2 slower",                                                                                  "451 4.3.2",
     "",                                                                                                                            0,
     true                                                                                                                                   },
    {"MAIL 452",                        false, At::mail,        Kind::say,           "452 4.3.1 full",    "452 4.3.1", "",          0, false},
    {"MAIL 550",                        false, At::mail,        Kind::say,           "550 5.7.1 not you", "550 5.7.1", "",          0, false},
    {"MAIL out of sequence",            false, At::mail,        Kind::say,           "354 what",          "451 4.4.2", "",          0, true },
    {"RCPT lost",                       false, At::rcpt,        Kind::close,         "",                  "451 4.4.2", "",          0, true },
    {"RCPT 421",                        false, At::rcpt,        Kind::say_and_close, "421 4.7.0 stop",    "451 4.7.0", "",          0, true },
    {"RCPT 450",                        false, At::rcpt,        Kind::say,           "450 4.2.1 later",   "450 4.2.1", "",          0, false},
    {"RCPT 412, as Exchange writes it",
     false,                                    At::rcpt,
     Kind::say,
     "412 4.3.2 not active",                                                                              "412 4.3.2",
     "",                                                                                                                            0,
     false                                                                                                                                  },
    {"DATA lost",                       false, At::data,        Kind::close,         "",                  kOk,         "",          0, false},
    {"DATA 451",                        false, At::data,        Kind::say,           "451 4.7.0 later",   kOk,         "",          0, false},
    {"DATA 421",                        false, At::data,        Kind::say_and_close, "421 4.3.2 bye",     kOk,         "",          0, false},
    {"lost within DATA",                false, At::content,     Kind::reset,         "",                  kOk,         "451 4.4.2", 0, false},
    {"552 within DATA",
     false,                                    At::content,
     Kind::say_and_close,
     "552 5.3.4 large",                                                                                   kOk,
     "552 5.3.4",                                                                                                                   0,
     false                                                                                                                                  },
    {"lost 250 after DATA",             false, At::end_of_data, Kind::close,         "",                  kOk,         "451 4.4.2", 1, false},
    {"451 after DATA",
     false,                                    At::end_of_data,
     Kind::say,
     "451 4.4.0 not redundant",                                                                           kOk,
     "451 4.4.0",                                                                                                                   0,
     false                                                                                                                                  },
    {"554 after DATA",
     false,                                    At::end_of_data,
     Kind::say,
     "554 5.6.0 content",                                                                                 kOk,
     "554 5.6.0",                                                                                                                   0,
     false                                                                                                                                  },
    {"421 after DATA",
     false,                                    At::end_of_data,
     Kind::say,
     "421 4.3.2 bye",                                                                                     kOk,
     "451 4.3.2",                                                                                                                   0,
     false                                                                                                                                  },
    {"lost within BDAT",                true,  At::chunk,       Kind::close,         "",                  kOk,         "451 4.4.2", 0, false},
    {"421 within BDAT",
     true,                                     At::chunk,
     Kind::say_and_close,
     "421 4.3.2 bye",                                                                                     kOk,
     "451 4.3.2",                                                                                                                   0,
     false                                                                                                                                  },
    {"552 within BDAT",                 true,  At::chunk,       Kind::say,           "552 5.3.4 large",   kOk,         "552 5.3.4", 0, false},
    {"lost 250 after BDAT",             true,  At::last_chunk,  Kind::close,         "",                  kOk,         "451 4.4.2", 1, false},
    {"450 after BDAT",
     true,                                     At::last_chunk,
     Kind::say,
     "450 4.5.1 not redundant",                                                                           kOk,
     "450 4.5.1",                                                                                                                   0,
     false                                                                                                                                  },
};

class HopTransactionFaultsTest : public DeliveryTest {
 protected:
  // A port may come again in another row.
  HopTransactionFaultsTest() {
    HealthPolicy forgetful;
    forgetful.first = std::chrono::seconds(0);
    config.health = std::make_shared<HopHealth>(forgetful);
  }

  static Letter large() {
    Letter letter;
    letter.octets = "Subject: t\r\n\r\n";
    while (letter.octets.size() < 150'000)
      letter.octets += std::string(70, 'x') + "\r\n";
    return letter;
  }
  void begin(const Row& row) {
    hop.hosts.clear();
    hop.chunking = row.chunking;
  }
};

TEST_F(HopTransactionFaultsTest, AreToldToTheClientAndTheNextMessageGoesThrough) {
  for (const Row& row : kRows) {
    begin(row);
    ExchangeServer server;
    add_host(server);
    server.plan(row.at, Fault{row.kind, row.says});
    const Delivered d = deliver(large());
    EXPECT_EQ(status_of(d.recipients[0]), row.recipient) << row.name;
    if (row.final[0] != '\0') {
      EXPECT_EQ(status_of(d.final), row.final) << row.name;
    } else {
      EXPECT_FALSE(d.begin.is_positive()) << row.name;
    }
    EXPECT_EQ(server.mails().size(), row.mails) << row.name;
    EXPECT_EQ(status_of(deliver(large()).final), "250 2.6.0") << row.name;
    EXPECT_EQ(server.mails().size(), row.mails + 1) << row.name;
    run(pool().close_idle());
    EXPECT_EQ(pool().open(), 0U) << row.name;
  }
}

TEST_F(HopTransactionFaultsTest, SendToAnotherHostOnlyBeforeARecipientWasAccepted) {
  for (const Row& row : kRows) {
    begin(row);
    ExchangeServer first;
    ExchangeServer second;
    add_host(first);
    add_host(second);
    first.plan(row.at, Fault{row.kind, row.says});
    const Delivered d = deliver(large());
    EXPECT_EQ(second.connections() > 0, row.other_host) << row.name;
    EXPECT_EQ(d.final.is_positive(), row.other_host) << row.name;
    EXPECT_EQ(second.mails().size(), row.other_host ? 1U : 0U) << row.name;
    run(pool().close_idle());
  }
}

TEST_F(HopTransactionFaultsTest, OfAKeptConnectionAreNotSeenBeforeMailIsAnswered) {
  struct Case {
    At at;
    Kind kind;
    const char* says;
  };
  const Case cases[] = {
      {At::mail, Kind::close,         ""              },
      {At::mail, Kind::reset,         ""              },
      {At::mail, Kind::say_and_close, "421 4.4.2 idle"},
  };
  for (const Case& c : cases) {
    hop.hosts.clear();
    ExchangeServer server;
    add_host(server);
    EXPECT_TRUE(deliver().final.is_positive());
    server.plan(c.at, Fault{c.kind, c.says});
    const Delivered d = deliver();
    EXPECT_EQ(status_of(d.final), "250 2.6.0");
    EXPECT_FALSE(d.report.reused);
    EXPECT_EQ(server.connections(), 2U);
    run(pool().close_idle());
  }
}

TEST_F(HopTransactionFaultsTest, SuchAsSlownessEndWithTheStepsTimeLimit) {
  struct Case {
    At at;
    std::chrono::seconds smtp::ClientTimeouts::*limit;
    const char* recipient;
    const char* final;
  };
  const Case cases[] = {
      {At::connect,     &smtp::ClientTimeouts::greeting,  "451 4.4.1", "0 0.0.0"  },
      {At::ehlo,        &smtp::ClientTimeouts::ehlo,      "451 4.4.1", "0 0.0.0"  },
      {At::mail,        &smtp::ClientTimeouts::mail,      "451 4.4.2", "0 0.0.0"  },
      {At::data,        &smtp::ClientTimeouts::data,      kOk,         "0 0.0.0"  },
      {At::end_of_data, &smtp::ClientTimeouts::data_done, kOk,         "451 4.4.2"},
  };
  hop.chunking = false;
  for (const Case& c : cases) {
    ExchangeServer server;
    routing::NextHop slow = hop;
    routing::HostSpec host;
    host.host = "127.0.0.1";
    host.port = server.port();
    slow.hosts = {host};
    HopPoolConfig impatient = config;
    impatient.timeouts.*c.limit = std::chrono::seconds(0);
    HopPool own(context.get_executor(), impatient, resolver);
    server.plan(c.at, Fault{Kind::hold, ""});
    routing::Target where;
    where.hops.push_back(&slow);
    const auto one = [](HopPool& p, routing::Target t) -> net::Awaitable<std::string> {
      HopTransaction delivery(p, t, Letter().sender);
      const smtp::Recipient recipient = to("i.ivanov@company.ru");
      const smtp::Reply rcpt = co_await delivery.recipient(recipient);
      const smtp::Reply begun = co_await delivery.begin();
      smtp::Reply final;
      if (begun.is_positive()) final = co_await delivery.finish();
      co_return status_of(rcpt) + ", " + status_of(final);
    };
    EXPECT_EQ(run(one(own, where)), std::string(c.recipient) + ", " + c.final);
    server.release();
  }
}

TEST_F(HopTransactionFaultsTest, AReplyThatTricklesInHasOneDeadline) {
  hop.tls = routing::NextHop::Tls::none;
  config.timeouts.mail = std::chrono::seconds(1);
  ExchangeServer server;
  add_host(server);
  server.plan(At::mail, Fault{Kind::hold, ""});
  std::optional<Delivered> result;
  net::asio::co_spawn(context, deliver_to({}, target()), [&](std::exception_ptr, Delivered d) {
    result = std::move(d);
  });
  std::promise<void> delivered;
  std::thread helper([&server, over = delivered.get_future()] {
    server.wait_for_held(1);
    do {
      server.say_unasked("250-wait");
    } while (over.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout);
  });
  run_until([&] { return result.has_value(); });
  delivered.set_value();
  helper.join();
  server.release();
  EXPECT_THAT(result->recipients.front().line(), ::testing::HasSubstr("timed out"));
}

TEST_F(HopTransactionFaultsTest, SlowMailUnderBackPressureIsWaitedFor) {
  ExchangeServer server;
  add_host(server);
  server.plan(At::mail, Fault{Kind::hold, ""});
  std::optional<Delivered> result;
  net::asio::co_spawn(context, deliver_to({}, target()), [&](std::exception_ptr, Delivered d) {
    result = std::move(d);
  });
  std::thread helper([&] {
    server.wait_for_held(1);
    server.release();
  });
  run_until([&] { return result.has_value(); });
  helper.join();
  EXPECT_EQ(status_of(result->final), "250 2.6.0");
}

}  // namespace
}  // namespace postern::queue
