// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/options.h"

#include "mailtools/send/option_reader.h"
#include "tests/support/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace postern::send {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Result<Options, Mistake> read(const std::vector<std::string>& words,
                              const std::string& input = "") {
  const auto given = read_words(words);
  if (!given) return given.error();
  std::istringstream in(input);
  return read_options(*given, in);
}

Options good(std::vector<std::string> words, const std::string& input = "") {
  for (const char* const word : {"--server", "mx.test", "--to", "bob@test", "--from", "ann@test"})
    words.emplace_back(word);
  auto options = read(words, input);
  if (!options) ADD_FAILURE() << options.error().text;
  return options ? *options : Options{};
}

std::string mistake(std::vector<std::string> words) {
  for (const char* const word : {"--server", "mx.test", "--to", "bob@test"})
    words.emplace_back(word);
  const auto options = read(words);
  return options ? std::string() : options.error().text;
}

TEST(SendWords, SwaksShortNamesOfOneDash) {
  const auto given = read_words({"-s",
                                 "mx.test",
                                 "-tls",
                                 "-au",
                                 "ann",
                                 "--h-Subject",
                                 "hello",
                                 "-S",
                                 "-q",
                                 "RCPT",
                                 "-stl",
                                 "-tlsos",
                                 "--port=2525"});
  ASSERT_TRUE(given);
  EXPECT_THAT(*given,
              ElementsAre(Given{"server", "mx.test"},
                          Given{"tls", ""},
                          Given{"auth-user", "ann"},
                          Given{"header", "Subject: hello"},
                          Given{"silent", "1"},
                          Given{"quit-after", "RCPT"},
                          Given{"show-time-lapse", "exact"},
                          Given{"tls-optional-strict", ""},
                          Given{"port", "2525"}));
}

TEST(SendWords, AValueMayBeginWithADashOnlyWhereOneIsNeeded) {
  const auto given =
      read_words({"--body", "-", "--auth", "--silent", "3", "--attach-name", "--attach", "-"});
  ASSERT_TRUE(given);
  EXPECT_THAT(*given,
              ElementsAre(Given{"body", "-"},
                          Given{"auth", "ANY"},
                          Given{"silent", "3"},
                          Given{"attach-name", ""},
                          Given{"attach", "-"}));
}

TEST(SendWords, MistakesSayWhatToWrite) {
  const auto text = [](std::vector<std::string> words) { return read_words(words).error().text; };
  EXPECT_THAT(text({"--sever", "mx.test"}), HasSubstr("write --server"));
  EXPECT_THAT(text({"--pipe", "exim -bs"}), HasSubstr("write --server"));
  EXPECT_THAT(text({"--to"}), HasSubstr("--to needs a value: ADDRESS"));
  EXPECT_THAT(text({"--tls=yes"}), HasSubstr("takes no value"));
  EXPECT_THAT(text({"--auth-pasword", "sesame"}), Not(HasSubstr("sesame")));
  EXPECT_THAT(text({"--protect-prompt", "sesame"}), Not(HasSubstr("sesame")));
  EXPECT_THAT(text({"--smuggle-lf"}), HasSubstr("write --violate smuggle-lf"));
  const std::string dash = text({"--auth-password", "-sesame"});
  EXPECT_THAT(dash, HasSubstr("write --auth-password=..."));
  EXPECT_THAT(dash, Not(HasSubstr("sesame")));
  EXPECT_THAT(text({"-ap", "--hunter2=x"}), Not(HasSubstr("hunter2")));
}

/// A word that no table has would be dropped without a sound.
TEST(SendWords, EveryOptionIsRead) {
  for (const Word& word : all_words()) {
    std::istringstream in;
    Reader reader(in);
    EXPECT_TRUE(reader.knows(word.name)) << word.name;
  }
}

TEST(SendOptions, Servers) {
  EXPECT_EQ(good({"--server", "a.test:2525"}).target.port, 25) << "the last --server counts";
  const auto target = [](const std::string& server) {
    const auto options = read({"--to", "b@test", "--server", server});
    return options->target.host + " " + std::to_string(options->target.port);
  };
  EXPECT_EQ(target("mx.test:2525"), "mx.test 2525");
  EXPECT_EQ(target("[2001:db8::1]:587"), "2001:db8::1 587");
  EXPECT_EQ(target("2001:db8::1"), "2001:db8::1 25");
  EXPECT_EQ(target("mx.test/26"), "mx.test 26");
  EXPECT_EQ(target("[192.0.2.1]"), "192.0.2.1 25");
  EXPECT_EQ(good({"--port", "smtp"}).target.port, 25);
  EXPECT_EQ(good({"-tlsc"}).target.port, 465);
  EXPECT_EQ(good({"--protocol", "lmtp"}).target.port, 24);
  EXPECT_THAT(mistake({"--port", "70000"}), HasSubstr("is no port"));
  EXPECT_EQ(read({"--to", "b@test"})->route_domain, "test");
  EXPECT_EQ(read({"--to", "b@test", "--copy-routing", "x.test"})->route_domain, "x.test");
}

TEST(SendOptions, AddressesOfAnotherFamily) {
  const auto at = [](const std::string& family, const std::string& server) {
    const auto options = read({family, "--to", "b@test", "--server", server});
    return options ? std::string() : options.error().text;
  };
  EXPECT_EQ(at("-6", "127.0.0.1:25"), "--server: 127.0.0.1 is no IPv6 address; leave -6 out");
  EXPECT_THAT(at("-4", "[::1]"), HasSubstr("::1 is no IPv4 address; leave -4 out"));
  EXPECT_EQ(at("-4", "127.0.0.1"), "");
  EXPECT_THAT(mistake({"-6", "-li", "192.0.2.1"}),
              HasSubstr("--local-interface: 192.0.2.1 is no IPv6 address"));
  EXPECT_EQ(good({"-6", "-li", "::1"}).target.family, talk::Family::ipv6) << "a name has both";
}

TEST(SendOptions, ProtocolsAndStops) {
  const Options all = good({"--protocol", "ESMTPSA", "-au", "ann", "-ap", "sesame"});
  EXPECT_EQ(all.tls.starttls, Want::must);
  EXPECT_EQ(all.auth.want, Want::must);
  EXPECT_EQ(good({"--protocol", "SMTP"}).hello_verb, "HELO");
  EXPECT_EQ(good({"-q", "ehlo"}).quit_after, StopAt::hello);
  EXPECT_EQ(good({"--drop-after", "DOT"}).drop_after, StopAt::dot);
  EXPECT_THAT(mistake({"-q", "DATA"}), HasSubstr("--drop-after DATA"));
  EXPECT_THAT(mistake({"-q", "LUNCH"}), HasSubstr("write CONNECT"));
  EXPECT_FALSE(read({"--server", "mx.test"})) << "nobody gets it";
  EXPECT_TRUE(read({"--server", "mx.test", "--quit-after", "MAIL"})) << "nobody has to";
  EXPECT_EQ(good({"--timeout", "3m"}).target.timeout, std::chrono::minutes(3));
  EXPECT_EQ(good({"--timeout", "0"}).target.timeout.count(), 0);
  EXPECT_THAT(mistake({"--timeout", "soon"}), HasSubstr("is no time"));
}

TEST(SendOptions, RecipientsAreAllInTheEnvelope) {
  const Options options = good({"--to", "a@test, b@test", "--cc", "c@test", "--bcc", "d@test"});
  EXPECT_THAT(options.to, ElementsAre("a@test", "b@test", "c@test", "d@test", "bob@test"));
  EXPECT_THAT(options.named_to, ElementsAre("a@test", "b@test", "bob@test"));
  EXPECT_THAT(options.named_cc, ElementsAre("c@test"));
  EXPECT_EQ(read({"--to", "b@test", "--from", "<>"})->from, "");
}

TEST(SendOptions, PasswordsFromFilesAndInput) {
  const test::Folder folder;
  const std::string file = folder.path() + "/password";
  std::ofstream(file) << "sesame\n";
  const auto password = [](std::vector<std::string> words) {
    words.insert(words.end(), {"--auth-user", "ann"});
    return good(words, "from input\r\n").auth.login.credentials.password;
  };
  EXPECT_EQ(password({"--auth-password", "@" + file}), "sesame");
  EXPECT_EQ(password({"--auth-password", "-"}), "from input");
  EXPECT_EQ(password({"--auth-password", "@@sesame"}), "@sesame");
  EXPECT_EQ(password({"--auth-password", "a\\nb"}), "a\\nb") << "no line ends in it";
  EXPECT_TRUE(good({"--auth-user", "ann", "--auth-password"}).auth.ask_password);
  EXPECT_TRUE(good({"--auth-user", "ann"}).auth.ask_password);
  EXPECT_THAT(mistake({"--auth"}), HasSubstr("--auth-user"));
  EXPECT_THAT(mistake({"--auth", "CRAM-MD5", "-au", "ann", "-ap", "x"}), HasSubstr("write PLAIN"));
  EXPECT_THAT(mistake({"--auth-user", "ann", "--auth-password", "@/nowhere"}),
              HasSubstr("cannot be read"));
}

TEST(SendOptions, AttachmentsByTheOrderOfWords) {
  const test::Folder folder;
  const std::string file = folder.path() + "/report.pdf";
  std::ofstream(file) << "content";
  const Options options = good({"--attach-type",
                                "application/pdf",
                                "--attach",
                                "@" + file,
                                "--attach-name",
                                "other.txt",
                                "--attach",
                                "text",
                                "--attach-body",
                                "plain",
                                "--attach-type",
                                "text/html",
                                "--attach-body",
                                "<p>html"});
  EXPECT_THAT(options.message.attachments,
              ElementsAre(MimePart{"application/pdf", "content", "report.pdf"},
                          MimePart{"application/pdf", "text", "other.txt"}));
  EXPECT_THAT(
      options.message.bodies,
      ElementsAre(MimePart{"application/pdf", "plain", ""}, MimePart{"text/html", "<p>html", ""}));
  EXPECT_THAT(mistake({"--attach", file}), HasSubstr("write @" + file));
  EXPECT_THAT(mistake({"--attach-type", "pdf"}), HasSubstr("is no type"));
  EXPECT_THAT(mistake({"--data", "Subject: x\\n\\nx", "--attach", "x"}), HasSubstr("%BODY%"));
}

TEST(SendOptions, Extensions) {
  const Options options =
      good({"--dsn", "success,failure,ret=hdrs,envid=a+b", "--chunk-size", "10"});
  EXPECT_EQ(options.dsn.notify, "SUCCESS,FAILURE");
  EXPECT_EQ(options.dsn.ret, "HDRS");
  EXPECT_EQ(options.dsn.envid, "a+2Bb");
  EXPECT_TRUE(options.chunking);
  EXPECT_THAT(mistake({"--dsn", "never,success"}), HasSubstr("never stands alone"));
  EXPECT_THAT(mistake({"--dsn", "always"}), HasSubstr("write success"));
  EXPECT_THAT(mistake({"--violate", "manners"}), HasSubstr("--help"));
  EXPECT_EQ(good({"--violate", "bare-lf", "--violate", "nul"}).violations.size(), 2U);
  EXPECT_EQ(good({"--bare-lf"}).violations, Violations{Violation::bare_lf});
  EXPECT_THAT(mistake({"--repeat", "0"}), HasSubstr("1 or more"));
}

/// They would be left out without a word.
TEST(SendOptions, ViolationsThatHaveNoPlace) {
  for (const char* const name : {"smuggle-lf",
                                 "smuggle-lf-crlf",
                                 "smuggle-cr",
                                 "no-end",
                                 "no-dot-stuffing",
                                 "data-early",
                                 "data-after-bdat"}) {
    EXPECT_THAT(mistake({"--chunking", "--violate", name}), HasSubstr("leave --chunking out"))
        << name;
    good({"--violate", name});
  }
  good({"--chunking", "--violate", "bare-lf"});
  for (const char* const name : {"smuggle-lf", "no-end", "no-dot-stuffing"}) {
    EXPECT_THAT(mistake({"--data", "A: b\\n\\nx", "--no-data-fixup", "--violate", name}),
                HasSubstr("leave --no-data-fixup out"))
        << name;
  }
  good({"--data", "A: b\\n\\nx", "--no-data-fixup", "--violate", "data-early"});
}

TEST(SendOptions, InjectionNeedsStarttls) {
  EXPECT_THAT(mistake({"--violate", "starttls-injection"}), HasSubstr("write --tls too"));
  EXPECT_THAT(mistake({"-tlsc", "--violate", "starttls-injection"}), HasSubstr("write --tls"));
  good({"-tls", "--violate", "starttls-injection"});
  good({"-tlso", "--violate", "starttls-injection"});
  good({"--protocol", "ESMTPS", "--violate", "starttls-injection"});
}

TEST(SendOptions, XclientGroups) {
  const Options options = good({"--xclient-helo",
                                "a b",
                                "--xclient-delim",
                                "--xclient-name",
                                "mx.test",
                                "--xclient-addr",
                                "192.0.2.1",
                                "--xclient",
                                "FOO=bar"});
  EXPECT_THAT(options.xclient.commands,
              ElementsAre("HELO=a+20b", "NAME=mx.test ADDR=192.0.2.1", "FOO=bar"));
  EXPECT_THAT(options.xclient.attributes, ElementsAre("HELO", "NAME", "ADDR"));
  EXPECT_EQ(options.xclient.want, Want::must);
}

std::vector<std::string> proxy_words(const std::string& version, const std::string& family) {
  return {"--proxy-version",
          version,
          "--proxy-family",
          family,
          "--proxy-source",
          "192.0.2.7",
          "--proxy-source-port",
          "40000",
          "--proxy-dest",
          "192.0.2.8",
          "--proxy-dest-port",
          "25"};
}

TEST(SendOptions, ProxyHeaders) {
  EXPECT_EQ(good(proxy_words("1", "TCP4")).target.preamble,
            "PROXY TCP4 192.0.2.7 192.0.2.8 40000 25\r\n");
  EXPECT_EQ(
      good(proxy_words("2", "AF_INET")).target.preamble,
      std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x08\x9c\x40\0\x19",
                  28));
  EXPECT_EQ(good({"--proxy", "UNKNOWN"}).target.preamble, "PROXY UNKNOWN\r\n");
  EXPECT_EQ(good({"--proxy-version", "2", "--proxy-command", "LOCAL"}).target.preamble.substr(12),
            std::string("\x20\0\0\0", 4));
  const auto incomplete =
      read({"--to", "b@test", "--server", "mx.test", "--proxy-source", "192.0.2.7"});
  ASSERT_FALSE(incomplete);
  EXPECT_EQ(incomplete.error().status, 35);
  EXPECT_THAT(mistake(proxy_words("3", "TCP4")), HasSubstr("write 1 or 2"));
}

/// With parts that do not fit each other a header would be another than was meant.
TEST(SendOptions, PartsOfProxyHeadersFitEachOther) {
  const auto with = [](std::string version, std::string family, std::size_t at, std::string text) {
    std::vector<std::string> words = proxy_words(version, family);
    words.at(at) = std::move(text);
    words.insert(words.end(), {"--server", "mx.test", "--to", "bob@test"});
    const auto options = read(words);
    if (options) return std::string();
    EXPECT_EQ(options.error().status, 35);
    return options.error().text;
  };
  for (const auto& [version, family] : {std::pair("1", "TCP4"), std::pair("2", "AF_INET")}) {
    EXPECT_EQ(with(version, family, 5, "192.0.2.9"), "");
    EXPECT_THAT(with(version, family, 5, "2001:db8::1"), HasSubstr("no IPv4 address"));
    EXPECT_THAT(with(version, family, 9, "nonsense"), HasSubstr("--proxy-dest: \"nonsense\""));
    EXPECT_THAT(with(version, family, 7, "99999"), HasSubstr("--proxy-source-port: \"99999\""));
    EXPECT_THAT(with(version, family, 11, "25\r\nEHLO x"), HasSubstr("is no port"));
  }
  EXPECT_THAT(with("1", "TCP6", 5, "2001:db8::1"), HasSubstr("--proxy-dest: \"192.0.2.8\""));
  EXPECT_THAT(with("2", "AF_INET6", 5, "2001:db8::1"), HasSubstr("or --proxy with the whole"));
  EXPECT_EQ(good({"--proxy", "TCP4 2001:db8::1 nonsense 99999 x"}).target.preamble,
            "PROXY TCP4 2001:db8::1 nonsense 99999 x\r\n");
}

TEST(SendOptions, TlsVersions) {
  const auto versions = [](const std::string& list) {
    const Options options = good({"--tls-protocol", list});
    return std::pair(options.tls.terms.least_version, options.tls.terms.most_version);
  };
  EXPECT_EQ(versions("tlsv1_2"), std::pair(0x303, 0x303));
  EXPECT_EQ(versions("tlsv1_2,tlsv1_3"), std::pair(0x303, 0x304));
  EXPECT_EQ(versions("no_tlsv1,no_tlsv1_1,no_tlsv1_3"), std::pair(0x303, 0x303));
  EXPECT_THAT(mistake({"--tls-protocol", "tlsv1,tlsv1_3"}), HasSubstr("follow each other"));
  EXPECT_THAT(mistake({"--tls-protocol", "sslv3"}), HasSubstr("write tlsv1"));
  EXPECT_THAT(mistake({"--tls-cert", "x.pem"}), HasSubstr("--tls-key"));
}

}  // namespace
}  // namespace postern::send
