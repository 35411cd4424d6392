// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/json_record.h"
#include "mailtools/send/transcript.h"

#include <gtest/gtest.h>

#include <sstream>

namespace postern::send {
namespace {

using Kind = talk::TalkError::Kind;

void play(Report& report) {
  report.begin(1);
  report.on_connecting("mx.test", {net::asio::ip::make_address("192.0.2.1"), 25});
  report.on_connected({net::asio::ip::make_address("192.0.2.9"), 4000},
                      {net::asio::ip::make_address("192.0.2.1"), 25});
  report.on_line("EHLO me", false);
  const smtp::Reply hello(250, {}, Text(std::string("mx\nSIZE")));
  report.on_reply({hello, "250-mx\r\n250 SIZE", true, std::chrono::milliseconds(1500)}, false);
  report.on_line(std::string_view("MAIL \0\r\x1b[31m", 12), true);
  const smtp::Reply no(550, {5, 7, 1}, Text(std::string("no \xff")));
  report.on_reply({no, "550 5.7.1 no \x1b]0;x\x07", false, std::chrono::milliseconds(1)}, true);
  report.on_block("a\r\n..\r\n.\r\n", false);
  report.on_error({Kind::closed, "gone"});
  report.end(26);
}

struct Texts {
  std::string out;
  std::string err;
};
Texts transcript(const OutputOptions& options, bool colour = false) {
  std::ostringstream out;
  std::ostringstream err;
  Transcript made(options, out, err, colour);
  play(made);
  return {out.str(), err.str()};
}

TEST(SendTranscript, SwaksArrows) {
  const Texts texts = transcript({});
  EXPECT_EQ(texts.out,
            "=== Trying mx.test:25 (192.0.2.1)...\n"
            "=== Connected to mx.test.\n"
            " -> EHLO me\n"
            "<-  250-mx\n"
            "<-  250 SIZE\n"
            " ~> MAIL \\0\\r\\x1b[31m\n"
            "<~* 550 5.7.1 no \\x1b]0;x\\x07\n"
            " -> a\n"
            " -> ..\n"
            " -> .\n");
  EXPECT_EQ(texts.err, "*** Remote host closed connection unexpectedly (gone)\n");
}

TEST(SendTranscript, SilenceAndHints) {
  OutputOptions options;
  options.silent = 1;
  EXPECT_EQ(transcript(options).out, "<~* 550 5.7.1 no \\x1b]0;x\\x07\n -> a\n -> ..\n -> .\n");
  options.silent = 2;
  EXPECT_EQ(transcript(options).out, "<~* 550 5.7.1 no \\x1b]0;x\\x07\n");
  options.silent = 3;
  EXPECT_EQ(transcript(options).out + transcript(options).err, "");
  options = {};
  options.hide_send = options.hide_info = true;
  options.hint_receive = false;
  EXPECT_EQ(transcript(options).out, "250-mx\n250 SIZE\n550 5.7.1 no \\x1b]0;x\\x07\n");
}

TEST(SendTranscript, LapsesAndSummaries) {
  OutputOptions options;
  options.time_lapse = TimeLapse::exact;
  options.suppress_data = true;
  const std::string out = transcript(options).out;
  EXPECT_NE(out.find("=== response in 1.500s\n<-  250-mx\n"), out.npos) << out;
  EXPECT_NE(out.find(" -> 3 lines sent\n"), out.npos) << out;
  options.raw = true;
  EXPECT_NE(transcript(options).out.find("  > 61 0d 0a 2e 2e 0d 0a 2e 0d 0a "), std::string::npos);
}

TEST(SendTranscript, ColoursAreOnlyAroundLines) {
  EXPECT_NE(transcript({}, true).out.find("\x1b[31m<~* 550 5.7.1 no \\x1b]0;x\\x07\x1b[0m\n"),
            std::string::npos);
}

TEST(SendJson, ALetterIsAnObject) {
  std::ostringstream out;
  JsonRecord record(out);
  play(record);
  const std::string json = out.str();
  EXPECT_EQ(json.find('\n'), json.size() - 1) << "one line";
  EXPECT_NE(json.find("\"status\":26,\"server\":\"mx.test\",\"remote\":{\"address\":\"192.0.2.1\","
                      "\"port\":25}"),
            json.npos)
      << json;
  EXPECT_NE(json.find("{\"sent\":\"MAIL \\u0000\\u000d\\u001b[31m\",\"tls\":true}"), json.npos)
      << json;
  EXPECT_NE(
      json.find(
          "\"code\":550,\"enhanced\":\"5.7.1\",\"text\":\"no \xEF\xBF\xBD\",\"expected\":false"),
      json.npos)
      << json;
  EXPECT_NE(json.find("{\"sent_octets\":10,\"sent_lines\":3,\"tls\":false}"), json.npos) << json;
  EXPECT_NE(json.find("\"errors\":[{\"kind\":\"closed\",\"text\":\"gone\"}]"), json.npos) << json;
}

TEST(SendJson, Strings) {
  EXPECT_EQ(json_string("a\"\\\t"), "\"a\\\"\\\\\\u0009\"");
  EXPECT_EQ(json_string("\xd0\xb4"), "\"\xd0\xb4\"");
  EXPECT_EQ(json_string("\xd0"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(json_string("\xf0\x9f\x93\xae!"), "\"\xf0\x9f\x93\xae!\"");
}

}  // namespace
}  // namespace postern::send
