// SPDX-License-Identifier: Apache-2.0
#include "tls/peer_check.h"

#include "loopback.h"
#include "support/test_ca.h"
#include "tls/client_handshake.h"
#include "tls/session_cache.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <fstream>
#include <span>

namespace postern::tls {
namespace {

using By = PeerOutcome::By;
using test::TestCa;

std::string sha512_of(const std::string& octets) {
  std::string out(64, '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  EVP_Digest(octets.data(), octets.size(), to, nullptr, EVP_sha512(), nullptr);
  return out;
}

/// What a client found out.
struct Found {
  bool connected = false;
  PeerOutcome peer;
  bool verified = false;
};

class PeerCheckTest : public testing::Test {
 protected:
  /// The authority's own certificate stands behind the server's in its file, as DANE-TA needs it.
  TestCa::Files issue(const std::string& stem, const TestCa::Validity& validity = {}) {
    const TestCa::Files out = ca_.issue(stem, "DNS:mail.example.com", validity);
    std::ofstream file(out.certificate, std::ios::app);
    file << std::ifstream(ca_.certificate()).rdbuf();
    return out;
  }

  Found handshake(const TestCa::Files& shown, PeerCheck check) {
    const auto server = *Context::server({
        {shown.certificate, shown.key}
    });
    const auto client = *Context::verifying_client(ca_.certificate());
    test::Loopback loopback;
    ClientTerms terms;
    terms.server_name = "mail.example.com";
    terms.check = std::make_shared<const PeerCheck>(std::move(check));
    Found out;
    loopback.start(accept(*loopback.server, server));
    loopback.start(connect(*loopback.client, client, std::move(terms), out));
    loopback.run();
    return out;
  }

  static net::Awaitable<void> accept(Stream& stream, std::shared_ptr<const Context> context) {
    const error_code ec = co_await stream.handshake_server(*context);
    if (ec) stream.close();
  }
  static net::Awaitable<void> connect(Stream& stream,
                                      std::shared_ptr<const Context> context,
                                      ClientTerms terms,
                                      Found& out) {
    const error_code ec = co_await stream.handshake_client(*context, std::move(terms));
    out.connected = !ec;
    out.peer = stream.peer();
    out.verified = stream.info() != nullptr && stream.info()->verified;
    stream.close();
  }

  static PeerCheck dane(TlsaRecord record, const std::string& name = "mail.example.com") {
    PeerCheck out;
    out.tlsa.push_back(std::move(record));
    out.names.push_back(name);
    return out;
  }

  test::TemporaryDirectory folder_;
  TestCa ca_{folder_.file("."), "authority"};
};

TEST_F(PeerCheckTest, ADaneRecordOfEachKindMatches) {
  const TestCa::Files shown = issue("server");
  const std::string whole = test::certificate_der(shown.certificate);
  const std::string key = test::public_key_der(shown.certificate);
  const std::string authority = test::certificate_der(ca_.certificate());
  const std::string authority_key = test::public_key_der(ca_.certificate());
  const TlsaRecord records[] = {
      {3, 0, 0, whole                         },
      {3, 0, 1, test::sha256_of(whole)        },
      {3, 0, 2, sha512_of(whole)              },
      {3, 1, 0, key                           },
      {3, 1, 1, test::sha256_of(key)          },
      {3, 1, 2, sha512_of(key)                },
      {2, 0, 0, authority                     },
      {2, 0, 1, test::sha256_of(authority)    },
      {2, 0, 2, sha512_of(authority)          },
      {2, 1, 1, test::sha256_of(authority_key)},
      {2, 1, 2, sha512_of(authority_key)      },
  };
  for (const TlsaRecord& record : records) {
    const Found found = handshake(shown, dane(record));
    EXPECT_TRUE(found.connected && found.verified)
        << int{record.usage} << int{record.selector} << int{record.matching} << found.peer.detail;
    EXPECT_EQ(found.peer.by, By::dane);
  }
}

TEST_F(PeerCheckTest, ADaneRecordThatDoesNotMatchRefuses) {
  const TestCa::Files shown = issue("server");
  for (const std::uint8_t usage : {std::uint8_t{2}, std::uint8_t{3}}) {
    const Found found = handshake(shown, dane({usage, 0, 1, test::sha256_of("another")}));
    EXPECT_FALSE(found.connected);
    EXPECT_EQ(found.peer.by, By::nothing);
    EXPECT_EQ(found.peer.failure, Failure::certificate_not_trusted) << found.peer.detail;
  }
}

TEST_F(PeerCheckTest, Usage3AsksForNeitherDateNorNameAndUsage2ForBoth) {
  const TestCa::Files expired = issue("expired", {-7200, -3600});
  const std::string leaf = test::sha256_of(test::certificate_der(expired.certificate));
  const std::string authority = test::sha256_of(test::certificate_der(ca_.certificate()));
  EXPECT_TRUE(handshake(expired, dane({3, 0, 1, leaf}, "mx.other.net")).connected);
  const Found late = handshake(expired, dane({2, 0, 1, authority}));
  EXPECT_FALSE(late.connected);
  EXPECT_EQ(late.peer.failure, Failure::certificate_expired);
  const TestCa::Files shown = issue("server");
  const Found other = handshake(shown, dane({2, 0, 1, authority}, "mx.other.net"));
  EXPECT_FALSE(other.connected);
  EXPECT_EQ(other.peer.failure, Failure::certificate_host_mismatch);
}

TEST_F(PeerCheckTest, RecordsThatCannotBeUsedAreNoneAtAll) {
  const TestCa::Files shown = issue("server");
  const std::string whole = test::certificate_der(shown.certificate);
  const std::string digest = test::sha256_of(whole);
  const TlsaRecord unusable[] = {
      {0, 0, 1, digest },
      {1, 0, 1, digest },
      {3, 2, 1, digest },
      {3, 0, 3, digest },
      {3, 0, 1, "short"},
      {3, 0, 2, digest },
      {3, 0, 0, ""     },
  };
  for (const TlsaRecord& record : unusable) {
    EXPECT_FALSE(is_usable(record));
    const Found found = handshake(shown, dane(record));
    EXPECT_FALSE(found.connected);
    EXPECT_EQ(found.peer.failure, Failure::tlsa_invalid);
  }
  // It looks well, and OpenSSL cannot parse it: no authority speaks in its place.
  const Found broken = handshake(shown, dane({3, 0, 0, "no certificate"}));
  EXPECT_FALSE(broken.connected);
  EXPECT_EQ(broken.peer.failure, Failure::tlsa_invalid);
  // Beside one that can be used they do not count.
  PeerCheck check = dane({1, 0, 1, digest});
  check.tlsa.push_back({3, 0, 1, digest});
  EXPECT_TRUE(handshake(shown, check).connected);
}

TEST_F(PeerCheckTest, WhatNeedNotBeIsTold) {
  PeerCheck check;
  check.chain = true;
  check.names = {"mx.other.net"};
  check.must = false;
  const Found found = handshake(issue("server"), check);
  EXPECT_TRUE(found.connected);
  EXPECT_FALSE(found.verified);
  EXPECT_EQ(found.peer.failure, Failure::certificate_host_mismatch);
}

TEST_F(PeerCheckTest, WhatNeedNotBeTakesWhatAnOpportunisticClientDoes) {
  const auto context = *Context::verifying_client(ca_.certificate());
  const int strict = SSL_CTX_get_security_level(context->native());
  for (const bool must : {true, false}) {
    PeerCheck check;
    check.chain = true;
    check.names = {"mail.example.com"};
    check.must = must;
    ClientTerms terms;
    terms.check = std::make_shared<const PeerCheck>(check);
    ClientHandshake handshake(std::move(terms));
    SSL* const ssl = SSL_new(context->native());
    EXPECT_TRUE(handshake.prepare(ssl));
    EXPECT_EQ(SSL_get_security_level(ssl), must ? strict : 0);
    SSL_free(ssl);
  }
}

/// Handshakes in which the client reads what comes behind them: tickets, and one octet.
class ResumptionTest : public PeerCheckTest {
 protected:
  static net::Awaitable<void> serve(Stream& stream, std::shared_ptr<const Context> context) {
    const error_code ec = co_await stream.handshake_server(*context);
    if (!ec) {
      co_await stream.write("x");
    }
    stream.close();
  }
  static net::Awaitable<void> connect_and_read(Stream& stream,
                                               std::shared_ptr<const Context> context,
                                               ClientTerms terms,
                                               bool& resumed) {
    const error_code ec = co_await stream.handshake_client(*context, std::move(terms));
    char octet = 0;
    if (!ec) {
      co_await stream.read_some(std::span(&octet, 1));
    }
    resumed = stream.info() != nullptr && stream.info()->resumed;
    stream.close();
  }
};

TEST_F(ResumptionTest, ASessionIsAsOldAsTheVerificationBehindIt) {
  const TestCa::Files shown = issue("server");
  const auto server = *Context::server({
      {shown.certificate, shown.key}
  });
  const auto client = *Context::verifying_client(ca_.certificate());
  PeerCheck check;
  check.chain = true;
  check.names = {"mail.example.com"};
  ClientTerms terms;
  terms.server_name = "mail.example.com";
  terms.check = std::make_shared<const PeerCheck>(check);
  terms.sessions = std::make_shared<SessionCache>();
  terms.session_key = "key";
  const auto connect_again = [&] {
    test::Loopback loopback;
    bool resumed = false;
    loopback.start(serve(*loopback.server, server));
    loopback.start(connect_and_read(*loopback.client, client, terms, resumed));
    loopback.run();
    return resumed;
  };
  EXPECT_FALSE(connect_again());
  SessionCache::Entry first = terms.sessions->take("key");
  ASSERT_TRUE(first.session);
  terms.sessions->forget("key");
  const net::TimePoint long_ago = first.verified_at - std::chrono::minutes(50);
  terms.sessions->put("key", std::move(first.session), first.outcome, long_ago);
  EXPECT_TRUE(connect_again());
  const SessionCache::Entry renewed = terms.sessions->take("key");
  ASSERT_TRUE(renewed.session);
  EXPECT_EQ(renewed.outcome.by, By::chain);
  EXPECT_EQ(renewed.verified_at, long_ago);
}

class SessionCacheTest : public testing::Test {
 protected:
  static SessionCache::SessionPtr session() {
    SSL_SESSION* const made = SSL_SESSION_new();
    SSL_SESSION_set_protocol_version(made, TLS1_2_VERSION);
    const unsigned char id[] = {1};
    SSL_SESSION_set1_id(made, id, sizeof id);
    return SessionCache::SessionPtr(made);
  }
};

TEST_F(SessionCacheTest, GivesEachSessionOnceAndTheNewestFirst) {
  SessionCache cache;
  PeerOutcome pinned;
  pinned.by = By::pin;
  cache.put("a", session(), {});
  cache.put("a", session(), pinned);
  EXPECT_EQ(cache.take("b").session, nullptr);
  EXPECT_EQ(cache.take("a").outcome.by, By::pin);
  EXPECT_EQ(cache.take("a").outcome.by, By::nothing);
  EXPECT_EQ(cache.take("a").session, nullptr);
  EXPECT_EQ(cache.size(), 0U);
}

TEST_F(SessionCacheTest, IsBounded) {
  SessionCache::Limits limits;
  limits.keys = 3;
  limits.per_key = 2;
  SessionCache cache(limits);
  for (const char* key : {"a", "b", "c"}) {
    for (int i = 0; i < 5; ++i)
      cache.put(key, session(), {});
  }
  EXPECT_EQ(cache.size(), 6U);
  EXPECT_NE(cache.take("a").session, nullptr);
  cache.put("d", session(), {});
  EXPECT_EQ(cache.take("b").session, nullptr) << "used least recently";
  EXPECT_NE(cache.take("a").session, nullptr);
  EXPECT_EQ(cache.size(), 3U);
}

TEST_F(SessionCacheTest, AnOldSessionIsNone) {
  SessionCache::Limits limits;
  limits.lifetime = std::chrono::seconds(0);
  SessionCache cache(limits);
  cache.put("a", session(), {});
  EXPECT_EQ(cache.take("a").session, nullptr);
}

TEST_F(SessionCacheTest, ASessionWhoseVerificationIsOldIsNone) {
  SessionCache cache;
  const net::TimePoint now = net::Clock::now();
  cache.put("a", session(), {}, now - std::chrono::minutes(61));
  EXPECT_EQ(cache.size(), 0U);
  cache.put("a", session(), {}, now - std::chrono::minutes(59));
  const SessionCache::Entry entry = cache.take("a");
  EXPECT_TRUE(entry.session);
  EXPECT_EQ(entry.verified_at, now - std::chrono::minutes(59));
  EXPECT_LE(entry.until, now + std::chrono::minutes(1));
}

TEST_F(SessionCacheTest, ForgetsAKeyWhole) {
  SessionCache cache;
  cache.put("a", session(), {});
  cache.put("a", session(), {});
  cache.put("b", session(), {});
  cache.forget("a");
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_EQ(cache.take("a").session, nullptr);
}

}  // namespace
}  // namespace postern::tls
