// SPDX-License-Identifier: Apache-2.0
// What DNSSEC proves, and the types that mail security asks for.
#include "cares_fixture.h"

#include <gmock/gmock.h>

namespace postern::dns {
namespace {

using namespace std::chrono_literals;
using test::a_record;
using test::answer;
using test::authentic;
using test::kCname;
using test::kMx;
using test::kPtr;
using test::kTlsa;
using test::kTxt;
using test::mx_record;
using test::rcode;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class CaresSecureTest : public test::CaresFixture {
 protected:
  TlsaAnswer tlsa(const std::string& host) { return test::run(io_, resolver_->tlsa(host, 25)); }
  TextAnswer txt(const std::string& name) { return test::run(io_, resolver_->txt(name)); }
  NameAnswer names(const std::string& address) {
    return test::run(io_, resolver_->names(*parse_ip(address)));
  }
};

TEST_F(CaresSecureTest, BelievesAServerOnLoopbackThatSaysAd) {
  server_.set("MX signed.example", authentic({mx_record(10, "mail.signed.example")}));
  server_.set("MX plain.example", answer({mx_record(10, "mail.plain.example")}));
  EXPECT_TRUE(resolver_->believes_ad());
  EXPECT_TRUE(mx("signed.example").secure);
  EXPECT_TRUE(server_.asked_ad());
  EXPECT_TRUE(server_.asked_do());
  EXPECT_TRUE(mx("signed.example").secure) << "from the cache";
  EXPECT_FALSE(mx("plain.example").secure);
}

TEST_F(CaresSecureTest, BelievesAServerElsewhereOnlyWhenToldTo) {
  Config config;
  config.servers = {"127.0.0.1", "192.0.2.53"};
  EXPECT_FALSE(CaresResolver(io_.get_executor(), config).believes_ad()) << "either may answer";
  config.trust_ad = true;
  EXPECT_TRUE(CaresResolver(io_.get_executor(), config).believes_ad());
  config.trust_ad = false;
  config.servers = {"127.0.0.1", "[::1]:5353"};
  EXPECT_TRUE(CaresResolver(io_.get_executor(), config).believes_ad());
  config.servers = {"2001:db8::53"};
  EXPECT_FALSE(CaresResolver(io_.get_executor(), config).believes_ad());
}

TEST_F(CaresSecureTest, AddressesAreSecureWithBothFamilies) {
  server_.set("A both.example", authentic({a_record("192.0.2.1")}));
  server_.set("AAAA both.example", authentic({}));
  EXPECT_TRUE(addresses("both.example").secure);
  EXPECT_EQ(addresses("both.example").canonical, "both.example");
  server_.set("A half.example", authentic({a_record("192.0.2.1")}));
  server_.set("AAAA half.example", answer({}));
  EXPECT_FALSE(addresses("half.example").secure);
}

TEST_F(CaresSecureTest, TellsAnAliasThatIsProvedFromOneThatIsNot) {
  const std::vector<test::ScriptedRecord> chain = {
      {kCname, test::cname_data("host.elsewhere.example"), 300, {}},
      a_record("192.0.2.1")
  };
  server_.set("A mail.example", answer(chain));
  server_.set("AAAA mail.example", answer({chain[0]}));
  server_.set("CNAME mail.example", authentic({chain[0]}));
  const AddressAnswer found = addresses("mail.example");
  EXPECT_EQ(found.canonical, "host.elsewhere.example");
  EXPECT_FALSE(found.secure);
  EXPECT_TRUE(found.secure_alias);

  server_.set("A plain.example", answer(chain));
  server_.set("AAAA plain.example", answer({chain[0]}));
  server_.set("CNAME plain.example", answer({chain[0]}));
  EXPECT_FALSE(addresses("plain.example").secure_alias);

  server_.set("A broken.example", answer(chain));
  server_.set("AAAA broken.example", answer({chain[0]}));
  server_.set("CNAME broken.example", rcode(2));
  EXPECT_TRUE(addresses("broken.example").secure_alias) << "its TLSA records must be asked for";

  server_.set("A good.example", authentic(chain));
  server_.set("AAAA good.example", authentic({chain[0]}));
  const AddressAnswer good = addresses("good.example");
  EXPECT_TRUE(good.secure);
  EXPECT_FALSE(good.secure_alias) << "not asked for: the whole is proved";
}

TEST_F(CaresSecureTest, FindsTlsaRecords) {
  server_.set("TLSA _25._tcp.mail.example",
              authentic({
                  {kTlsa, test::tlsa_data(3, 1, 1, std::string(32, 'h')), 300, {}}
  }));
  const TlsaAnswer found = tlsa("Mail.Example.");
  EXPECT_EQ(found.status, Status::ok);
  EXPECT_TRUE(found.secure);
  EXPECT_THAT(found.records, ElementsAre(TlsaRecord{3, 1, 1, std::string(32, 'h')}));
  EXPECT_EQ(found.ttl, 300s);
}

TEST_F(CaresSecureTest, TellsNoTlsaFromOneThatCannotBeAskedFor) {
  server_.set("TLSA _25._tcp.none.example", authentic({}));
  server_.set("TLSA _25._tcp.bogus.example", rcode(2));
  EXPECT_EQ(tlsa("none.example").status, Status::no_data);
  EXPECT_EQ(tlsa("nowhere.example").status, Status::nx_domain);
  EXPECT_EQ(tlsa("bogus.example").status, Status::server_failure);
  EXPECT_EQ(tlsa("no name").status, Status::bad_name);
}

TEST_F(CaresSecureTest, FindsText) {
  server_.set("TXT _mta-sts.example",
              answer({
                  {kTxt, test::txt_data({"v=STSv1; ", "id=7;"}), 300, {}}
  }));
  const TextAnswer found = txt("_mta-sts.example");
  EXPECT_EQ(found.status, Status::ok);
  EXPECT_THAT(found.texts, ElementsAre("v=STSv1; id=7;"));
  EXPECT_EQ(txt("_smtp._tls.example").status, Status::nx_domain);
}

TEST_F(CaresSecureTest, FindsWhatAddressesCallThemselves) {
  server_.set("PTR 1.2.0.192.in-addr.arpa",
              answer({
                  {kPtr, test::cname_data("Mail.Example"), 300, {}}
  }));
  server_.set("PTR 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
              answer({
                  {kPtr, test::cname_data("six.example"), 300, {}}
  }));
  EXPECT_THAT(names("192.0.2.1").names, ElementsAre("mail.example"));
  EXPECT_THAT(names("::ffff:192.0.2.1").names, ElementsAre("mail.example"));
  EXPECT_THAT(names("2001:db8::1").names, ElementsAre("six.example"));
  EXPECT_EQ(names("192.0.2.9").status, Status::nx_domain);
}

}  // namespace
}  // namespace postern::dns
