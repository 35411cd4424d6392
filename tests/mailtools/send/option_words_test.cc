// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

// Every option of `postern send`, by each of its names, and what it changes.

namespace postern::send {
namespace {

struct Row {
  std::string_view name;
  std::string_view words;              ///< by spaces; "--name" is among them
  bool (*has_come)(const Options& o);  ///< false without the words
};

bool has(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

using TextList = std::vector<std::string>;

// clang-format off
constexpr Row kTarget[] = {
    {"server", "--server a.test", [](auto& o) { return o.target.host == "a.test"; }},
    {"port", "--port 2525", [](auto& o) { return o.target.port == 2525; }},
    {"copy-routing", "--copy-routing x.test", [](auto& o) { return o.route_domain == "x.test"; }},
    {"local-interface", "--local-interface 192.0.2.1:2526", [](auto& o) { return o.target.local == "192.0.2.1" && o.target.local_port == 2526; }},
    {"local-port", "--local-port 2526", [](auto& o) { return o.target.local_port == 2526; }},
    {"4", "--4", [](auto& o) { return o.target.family == talk::Family::ipv4; }},
    {"6", "--6", [](auto& o) { return o.target.family == talk::Family::ipv6; }},
    {"timeout", "--timeout 3m", [](auto& o) { return o.target.timeout == std::chrono::minutes(3); }},
    {"protocol", "--protocol LMTP", [](auto& o) { return o.hello_verb == "LHLO"; }},
};

constexpr Row kDialogue[] = {
    {"from", "--from ann@test", [](auto& o) { return o.from == "ann@test"; }},
    {"to", "--to c@test", [](auto& o) { return has(o.to, "c@test") && has(o.named_to, "c@test"); }},
    {"cc", "--cc c@test", [](auto& o) { return has(o.to, "c@test") && has(o.named_cc, "c@test"); }},
    {"bcc", "--bcc c@test", [](auto& o) { return has(o.to, "c@test") && !has(o.named_to, "c@test") && o.named_cc.empty(); }},
    {"helo", "--helo me.test", [](auto& o) { return o.hello_name == "me.test"; }},
    {"quit-after", "--quit-after RCPT", [](auto& o) { return o.quit_after == StopAt::rcpt; }},
    {"drop-after", "--drop-after DATA", [](auto& o) { return o.drop_after == StopAt::data; }},
    {"drop-after-send", "--drop-after-send DOT", [](auto& o) { return o.drop_after_send == StopAt::dot; }},
    {"pipeline", "--pipeline", [](auto& o) { return o.pipeline; }},
    {"chunking", "--chunking", [](auto& o) { return o.chunking; }},
    {"chunk-size", "--chunk-size 10", [](auto& o) { return o.chunk_size == 10 && o.chunking; }},
    {"smtputf8", "--smtputf8", [](auto& o) { return o.smtputf8 && o.message.utf8_fields; }},
    {"requiretls", "--requiretls", [](auto& o) { return o.requiretls; }},
    {"dsn", "--dsn never", [](auto& o) { return o.dsn.notify == "NEVER"; }},
    {"bare-lf", "--bare-lf", [](auto& o) { return o.violations.contains(Violation::bare_lf); }},
    {"violate", "--violate nul", [](auto& o) { return o.violations.contains(Violation::nul); }},
    {"repeat", "--repeat 3", [](auto& o) { return o.repeat == 3; }},
};

constexpr Row kTls[] = {
    {"tls", "--tls", [](auto& o) { return o.tls.starttls == Want::must; }},
    {"tls-optional", "--tls-optional", [](auto& o) { return o.tls.starttls == Want::may; }},
    {"tls-optional-strict", "--tls-optional-strict", [](auto& o) { return o.tls.starttls == Want::if_offered; }},
    {"tls-on-connect", "--tls-on-connect", [](auto& o) { return o.tls.on_connect && o.target.port == 465; }},
    {"tls-verify", "--tls-verify", [](auto& o) { return o.tls.terms.verify; }},
    {"tls-verify-name", "--tls-verify-name gw.test", [](auto& o) { return o.tls.terms.verify && o.tls.terms.names == TextList{"gw.test"}; }},
    {"tls-ca-path", "--tls-ca-path /ca", [](auto& o) { return o.tls.terms.ca == "/ca"; }},
    {"tls-sni", "--tls-sni gw.test", [](auto& o) { return o.tls.terms.server_name == "gw.test"; }},
    {"tls-cert", "--tls-cert c.pem --tls-key k.pem", [](auto& o) { return o.tls.terms.cert == "c.pem"; }},
    {"tls-key", "--tls-cert c.pem --tls-key k.pem", [](auto& o) { return o.tls.terms.key == "k.pem"; }},
    {"tls-protocol", "--tls-protocol tlsv1_2", [](auto& o) { return o.tls.terms.most_version == 0x303; }},
    {"tls-cipher", "--tls-cipher AES128-SHA", [](auto& o) { return o.tls.terms.ciphers == "AES128-SHA"; }},
    {"tls-get-peer-cert", "--tls-get-peer-cert f.pem", [](auto& o) { return o.tls.peer_certificate == "f.pem"; }},
};

constexpr Row kAuth[] = {
    {"auth", "--auth PLAIN --auth-user ann", [](auto& o) { return o.auth.want == Want::must && o.auth.login.mechanisms == TextList{"PLAIN"}; }},
    {"auth-optional", "--auth-optional PLAIN --auth-user ann", [](auto& o) { return o.auth.want == Want::may && o.auth.login.mechanisms == TextList{"PLAIN"}; }},
    {"auth-optional-strict", "--auth-optional-strict PLAIN --auth-user ann", [](auto& o) { return o.auth.want == Want::if_offered && o.auth.login.mechanisms == TextList{"PLAIN"}; }},
    {"auth-user", "--auth-user ann", [](auto& o) { return o.auth.login.credentials.name == "ann"; }},
    {"auth-password", "--auth-user ann --auth-password x", [](auto& o) { return o.auth.login.credentials.password == "x" && !o.auth.ask_password; }},
    {"auth-plaintext", "--auth-plaintext", [](auto& o) { return o.auth.login.show_decoded; }},
    // They change nothing; what follows is read all the same.
    {"auth-hide-password", "--auth-hide-password X --helo me.test", [](auto& o) { return o.hello_name == "me.test"; }},
    {"protect-prompt", "--protect-prompt --helo me.test", [](auto& o) { return o.hello_name == "me.test"; }},
};

constexpr Row kMessage[] = {
    {"data", "--data Subject:y", [](auto& o) { return o.message.data == "Subject:y"; }},
    {"g", "--g", [](auto& o) { return o.message.data == "of standard input"; }},
    {"body", "--body text", [](auto& o) { return o.message.body == "text"; }},
    {"header", "--header X-A:b", [](auto& o) { return o.message.headers == TextList{"X-A:b"}; }},
    {"add-header", "--add-header X-A:b", [](auto& o) { return o.message.added == TextList{"X-A:b"}; }},
    {"attach", "--attach text", [](auto& o) { return o.message.attachments.size() == 1; }},
    {"attach-body", "--attach-body text", [](auto& o) { return o.message.bodies.size() == 1; }},
    {"attach-type", "--attach-type text/css --attach a", [](auto& o) { return o.message.attachments == std::vector{MimePart{"text/css", "a"}}; }},
    {"attach-name", "--attach-name n.txt --attach a", [](auto& o) { return o.message.attachments.size() == 1 && o.message.attachments[0].name == "n.txt"; }},
    {"no-data-fixup", "--data a --no-data-fixup", [](auto& o) { return !o.message.fixup; }},
    {"no-strip-from", "--no-strip-from", [](auto& o) { return !o.message.strip_from; }},
};

#define ENDS "--proxy-source 192.0.2.7 --proxy-source-port 40000 --proxy-dest 192.0.2.8 --proxy-dest-port 26"
constexpr Row kProxy[] = {
    {"proxy", "--proxy UNKNOWN", [](auto& o) { return o.target.preamble == "PROXY UNKNOWN\r\n"; }},
    {"proxy-version", "--proxy-version 2 --proxy-command LOCAL", [](auto& o) { return o.target.preamble.starts_with("\r\n\r\n"); }},
    {"proxy-command", "--proxy-version 2 --proxy-command LOCAL", [](auto& o) { return o.target.preamble.size() == 16 && o.target.preamble[12] == '\x20'; }},
    {"proxy-protocol", "--proxy-version 2 --proxy-family AF_INET --proxy-protocol DGRAM " ENDS, [](auto& o) { return o.target.preamble.size() == 28 && o.target.preamble[13] == '\x12'; }},
    {"proxy-family", "--proxy-family TCP4 " ENDS, [](auto& o) { return o.target.preamble == "PROXY TCP4 192.0.2.7 192.0.2.8 40000 26\r\n"; }},
    {"proxy-source", "--proxy-family TCP4 " ENDS, [](auto& o) { return o.target.preamble.find("4 192.0.2.7 ") != std::string::npos; }},
    {"proxy-source-port", "--proxy-family TCP4 " ENDS, [](auto& o) { return o.target.preamble.find("8 40000 ") != std::string::npos; }},
    {"proxy-dest", "--proxy-family TCP4 " ENDS, [](auto& o) { return o.target.preamble.find("7 192.0.2.8 ") != std::string::npos; }},
    {"proxy-dest-port", "--proxy-family TCP4 " ENDS, [](auto& o) { return o.target.preamble.ends_with(" 26\r\n"); }},
};
#undef ENDS

constexpr Row kXclient[] = {
    {"xclient-addr", "--xclient-addr 192.0.2.1", [](auto& o) { return o.xclient.commands == TextList{"ADDR=192.0.2.1"} && o.xclient.want == Want::must; }},
    {"xclient-name", "--xclient-name a.test", [](auto& o) { return o.xclient.commands == TextList{"NAME=a.test"}; }},
    {"xclient-port", "--xclient-port 26", [](auto& o) { return o.xclient.commands == TextList{"PORT=26"}; }},
    {"xclient-proto", "--xclient-proto SMTP", [](auto& o) { return o.xclient.commands == TextList{"PROTO=SMTP"}; }},
    {"xclient-helo", "--xclient-helo a+b", [](auto& o) { return o.xclient.commands == TextList{"HELO=a+2Bb"}; }},
    {"xclient-login", "--xclient-login ann", [](auto& o) { return o.xclient.commands == TextList{"LOGIN=ann"}; }},
    {"xclient-destaddr", "--xclient-destaddr 192.0.2.1", [](auto& o) { return o.xclient.commands == TextList{"DESTADDR=192.0.2.1"}; }},
    {"xclient-destport", "--xclient-destport 26", [](auto& o) { return o.xclient.commands == TextList{"DESTPORT=26"}; }},
    {"xclient-reverse-name", "--xclient-reverse-name a.test", [](auto& o) { return o.xclient.attributes == TextList{"REVERSE_NAME"} && o.xclient.commands == TextList{"REVERSE_NAME=a.test"}; }},
    {"xclient-delim", "--xclient-name a --xclient-delim --xclient-helo b", [](auto& o) { return o.xclient.commands == TextList{"NAME=a", "HELO=b"}; }},
    {"xclient", "--xclient FOO=bar", [](auto& o) { return o.xclient.commands == TextList{"FOO=bar"} && o.xclient.attributes.empty(); }},
    {"xclient-no-verify", "--xclient-no-verify", [](auto& o) { return !o.xclient.verify; }},
    {"xclient-before-starttls", "--xclient-before-starttls", [](auto& o) { return o.xclient.before_tls; }},
    {"xclient-optional", "--xclient FOO=bar --xclient-optional", [](auto& o) { return o.xclient.want == Want::may; }},
    {"xclient-optional-strict", "--xclient FOO=bar --xclient-optional-strict", [](auto& o) { return o.xclient.want == Want::if_offered; }},
};

constexpr Row kOutput[] = {
    {"silent", "--silent 2", [](auto& o) { return o.output.silent == 2; }},
    {"suppress-data", "--suppress-data", [](auto& o) { return o.output.suppress_data; }},
    {"show-time-lapse", "--show-time-lapse i", [](auto& o) { return o.output.time_lapse == TimeLapse::seconds; }},
    {"show-raw-text", "--show-raw-text", [](auto& o) { return o.output.raw; }},
    {"hide-receive", "--hide-receive", [](auto& o) { return o.output.hide_receive && !o.output.hide_send; }},
    {"hide-send", "--hide-send", [](auto& o) { return o.output.hide_send && !o.output.hide_receive; }},
    {"hide-informational", "--hide-informational", [](auto& o) { return o.output.hide_info; }},
    {"hide-all", "--hide-all", [](auto& o) { return o.output.silent == 3; }},
    {"no-info-hints", "--no-info-hints", [](auto& o) { return !o.output.hint_info && o.output.hint_send; }},
    {"no-send-hints", "--no-send-hints", [](auto& o) { return !o.output.hint_send && o.output.hint_receive; }},
    {"no-receive-hints", "--no-receive-hints", [](auto& o) { return !o.output.hint_receive && o.output.hint_send; }},
    {"no-hints", "--no-hints", [](auto& o) { return !o.output.hint_receive && !o.output.hint_send && o.output.hint_info; }},
    {"json", "--json", [](auto& o) { return o.output.json; }},
    {"dump", "--dump TLS,AUTH", [](auto& o) { return o.output.dump == "TLS,AUTH"; }},
    {"dump-mail", "--dump-mail", [](auto& o) { return o.output.dump_mail; }},
};
// clang-format on

std::map<std::string_view, Row> all_rows() {
  std::map<std::string_view, Row> out;
  for (const std::span<const Row> rows : {std::span<const Row>(kTarget),
                                          std::span<const Row>(kDialogue),
                                          std::span<const Row>(kTls),
                                          std::span<const Row>(kAuth),
                                          std::span<const Row>(kMessage),
                                          std::span<const Row>(kProxy),
                                          std::span<const Row>(kXclient),
                                          std::span<const Row>(kOutput)}) {
    for (const Row& row : rows)
      out.emplace(row.name, row);
  }
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> out;
  for (std::string word; in >> word;)
    out.push_back(word);
  return out;
}

Options read_with(const std::vector<std::string>& more) {
  std::vector<std::string> words{"--to", "bob@test"};
  // Where there is a server, nobody's MX is looked for.
  if (!has(more, "--copy-routing")) words.insert(words.end(), {"--server", "mx.test"});
  words.insert(words.end(), more.begin(), more.end());
  std::istringstream in("of standard input");
  const auto given = read_words(words);
  if (!given) {
    ADD_FAILURE() << given.error().text;
    return {};
  }
  auto options = read_options(*given, in);
  if (!options) ADD_FAILURE() << options.error().text;
  return options ? *std::move(options) : Options{};
}

TEST(SendWords, EachOptionByEachOfItsNamesDoesWhatItSays) {
  const std::map<std::string_view, Row> rows = all_rows();
  const Options without = read_with({});
  for (const Word& word : all_words()) {
    const auto row = rows.find(word.name);
    ASSERT_NE(row, rows.end()) << "no row tests --" << word.name;
    const std::string option = "--" + std::string(word.name);
    std::vector<std::string> words = split(row->second.words);
    const auto place = std::find(words.begin(), words.end(), option);
    ASSERT_NE(place, words.end()) << option;
    EXPECT_FALSE(row->second.has_come(without)) << option;
    EXPECT_TRUE(row->second.has_come(read_with(words))) << option;
    for (const std::string& other : split(word.others)) {
      *place = "-" + other;
      EXPECT_TRUE(row->second.has_come(read_with(words))) << "-" << other;
    }
  }
  EXPECT_EQ(rows.size(), all_words().size());
}

}  // namespace
}  // namespace postern::send
