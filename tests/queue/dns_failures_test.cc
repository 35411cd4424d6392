// SPDX-License-Identifier: Apache-2.0
// What a sender is told where DNS fails, each way it can: 4xx is tried again, 5xx is not.
#include "delivery_fixture.h"
#include "dns/cares_resolver.h"
#include "queue/hop_search.h"
#include "tests/dns/cares_fixture.h"

namespace postern::queue {
namespace {

using namespace std::chrono_literals;
using test::a_record;
using test::kCname;
using test::mx_record;
using test::Reaction;
using How = Reaction::How;

class DnsFailures : public DeliveryTest {
 protected:
  /// The reply for a message to somebody of `domain`.
  smtp::Reply told(const std::string& domain, std::chrono::milliseconds timeout = 1h) {
    dns::Config dns;
    dns.servers = {server_.address()};
    dns.timeout = timeout;
    dns.tries = 1;
    dns::CaresResolver asking(context.get_executor(), dns);
    HopPool pool(context.get_executor(), config, asking);
    routing::Target target;
    target.mx_domain = domain;
    HopSearch search(pool.impl(), target, TlsAsked::nothing);
    return run(search.next()).refusal;
  }
  void both(const std::string& host, const Reaction& reaction) {
    server_.set("A " + host, reaction);
    server_.set("AAAA " + host, reaction);
  }

  test::ScriptedServer server_{context};
};

TEST_F(DnsFailures, WhatIsAFactAboutTheNameIsFinal) {
  EXPECT_EQ(status_of(told("gone.example")), "550 5.1.2") << "NXDOMAIN";
  server_.set("MX bare.example", test::answer({}));
  both("bare.example", test::answer({}));
  EXPECT_EQ(status_of(told("bare.example")), "550 5.1.2") << "NODATA";
  server_.set("MX null.example", test::answer({mx_record(0, ".")}));
  EXPECT_EQ(status_of(told("null.example")), "556 5.1.10");
  server_.set("MX lost.example", test::answer({mx_record(10, "no-such-host.example")}));
  EXPECT_EQ(status_of(told("lost.example")), "550 5.4.4");
  server_.set("MX empty.example", test::answer({mx_record(10, "no-address.example")}));
  both("no-address.example", test::answer({}));
  EXPECT_EQ(status_of(told("empty.example")), "550 5.4.4");
}

TEST_F(DnsFailures, WhatTellsNothingOfTheNameIsTriedAgain) {
  const std::pair<const char*, Reaction> cases[] = {
      {"formerr",  test::rcode(1)                            },
      {"servfail", test::rcode(2)                            },
      {"notimp",   test::rcode(4)                            },
      {"refused",  test::rcode(5)                            },
      {"yxdomain", test::rcode(6)                            },
      {"garbage",  test::reaction(How::garbage)              },
      {"short",    test::answer({{test::kMx, "\1", 300, {}}})},
  };
  for (const auto& [name, reaction] : cases) {
    const std::string domain = std::string(name) + ".example";
    server_.set("MX " + domain, reaction);
    both(domain, reaction);
    EXPECT_EQ(status_of(told(domain)), "451 4.4.3") << name;
  }
}

TEST_F(DnsFailures, WhatIsNoAnswerToTheQuestionIsTriedAgain) {
  for (const How how : {How::silence, How::wrong_id, How::wrong_question}) {
    server_.set("MX odd.example", test::reaction(how, {mx_record(10, "evil.example")}));
    EXPECT_EQ(status_of(told("odd.example", 20ms)), "451 4.4.3") << static_cast<int>(how);
  }
}

TEST_F(DnsFailures, ACircleOfAliasesIsTriedAgain) {
  server_.set("MX a.example",
              test::answer({
                  {kCname, test::cname_data("b.example"), 60, "a.example"},
                  {kCname, test::cname_data("a.example"), 60, "b.example"}
  }));
  EXPECT_EQ(status_of(told("a.example")), "451 4.4.3");
}

TEST_F(DnsFailures, OneHostThatCannotBeAskedForKeepsTheMailOfTheOthers) {
  server_.set("MX half.example",
              test::answer({mx_record(10, "gone.example"), mx_record(20, "slow.example")}));
  both("slow.example", test::rcode(2));
  EXPECT_EQ(status_of(told("half.example")), "451 4.4.3") << "no bounce while it may be found";
}

TEST_F(DnsFailures, AHostThatTheConfigNamesIsNeverTheMessagesFault) {
  dns::Config dns;
  dns.servers = {server_.address()};
  dns::CaresResolver asking(context.get_executor(), dns);
  HopPool pool(context.get_executor(), config, asking);
  hop.hosts.resize(1);
  hop.hosts[0].host = "gone.example";
  routing::Target target;
  target.hops = {&hop};
  HopSearch search(pool.impl(), target, TlsAsked::nothing);
  const Found found = run(search.next());
  EXPECT_EQ(status_of(found.refusal), "451 4.3.5");
}

}  // namespace
}  // namespace postern::queue
