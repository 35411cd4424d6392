// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using routing::WaveState;
using ::testing::HasSubstr;

std::string edited(std::string_view text,
                   const std::string& name = "pilot",
                   WaveState state = WaveState::cutover) {
  const Parsed<std::string> out = with_wave_state(text, name, state);
  return out ? *out : "mistake: " + out.error().text;
}

TEST(ConfigEdit, ReplacesTheValueAndNothingElse) {
  EXPECT_EQ(edited("# top\n"
                   "[[wave]]  # the first\n"
                   "state = \"dual\"   # since Monday\n"
                   "name = \"pilot\"\n"
                   "\n"
                   "members = \"file:/p\"\n"
                   "[log]\nlevel='info'"),
            "# top\n"
            "[[wave]]  # the first\n"
            "state = \"cutover\"   # since Monday\n"
            "name = \"pilot\"\n"
            "\n"
            "members = \"file:/p\"\n"
            "[log]\nlevel='info'");
}

TEST(ConfigEdit, KeepsQuotesAsTheyWere) {
  EXPECT_EQ(edited("[[wave]]\nname = 'pilot'\nstate='dual'\n"),
            "[[wave]]\nname = 'pilot'\nstate='cutover'\n");
  EXPECT_EQ(edited("[[wave]]\nname = \"pilot\"\nstate = \"\"\"dual\"\"\" # x\n"),
            "[[wave]]\nname = \"pilot\"\nstate = \"\"\"cutover\"\"\" # x\n");
  EXPECT_EQ(edited("[[wave]]\nname = \"pilot\"\nstate = '''\ndual'''\n"),
            "[[wave]]\nname = \"pilot\"\nstate = '''cutover'''\n");
  EXPECT_EQ(edited("[[wave]]\nname = \"pi\\u006cot\"\n\"state\" = \"d\\u0075\\\"al\"\n"),
            "[[wave]]\nname = \"pi\\u006cot\"\n\"state\" = \"cutover\"\n");
}

TEST(ConfigEdit, KeepsLineEndsAndTheByteOrderMark) {
  EXPECT_EQ(edited("\xef\xbb\xbf[[wave]]\r\nname = \"pilot\"\r\nstate = \"dual\"\r\n"),
            "\xef\xbb\xbf[[wave]]\r\nname = \"pilot\"\r\nstate = \"cutover\"\r\n");
  EXPECT_EQ(edited("[[wave]]\r\nname = \"pilot\"\r\nmembers = \"x\"\r\n"),
            "[[wave]]\r\nname = \"pilot\"\r\nstate = \"cutover\"\r\nmembers = \"x\"\r\n");
}

TEST(ConfigEdit, CountsCharactersWhereTheLineIsNotAscii) {
  EXPECT_EQ(
      edited("wave = [{ name = \"\xd0\xbf\xd0\xb8\xd0\xbb\xd0\xbe\xd1\x82\", state = 'dual' }, "
             "{ name = \"pilot\", state = 'dual' }]\n"),
      "wave = [{ name = \"\xd0\xbf\xd0\xb8\xd0\xbb\xd0\xbe\xd1\x82\", state = 'dual' }, "
      "{ name = \"pilot\", state = 'cutover' }]\n");
}

TEST(ConfigEdit, FindsTheWaveAmongSeveral) {
  const std::string text =
      "[[wave]]\nname = \"a\"\nstate = \"dual\"\n[[wave]]\nname = \"pilot\"\nstate = \"dual\"\n"
      "[[wave]]\nname = \"b\"\nstate = \"dual\"\n";
  std::string wanted = text;
  wanted.replace(wanted.find("dual", wanted.find("pilot")), 4, "rolled_back");
  EXPECT_EQ(edited(text, "pilot", WaveState::rolled_back), wanted);
}

TEST(ConfigEdit, GivesAStateToAWaveThatHasNone) {
  EXPECT_EQ(
      edited("[[wave]]\n  name = \"pilot\" # who\n  members = \"x\"\n[log]\n"),
      "[[wave]]\n  name = \"pilot\" # who\n  state = \"cutover\"\n  members = \"x\"\n[log]\n");
  EXPECT_EQ(edited("[[wave]]\nmembers = \"x\"\nname = \"pilot\""),
            "[[wave]]\nmembers = \"x\"\nname = \"pilot\"\nstate = \"cutover\"\n");
  EXPECT_EQ(edited("wave = [{name=\"pilot\",members='x'}]\n"),
            "wave = [{name=\"pilot\", state = \"cutover\",members='x'}]\n");
}

TEST(ConfigEdit, IsTheSameTextWhenTheStateIsThereAlready) {
  const std::string text = "[[wave]]\nname = \"pilot\"\nstate = \"cutover\"\n";
  EXPECT_EQ(edited(text), text);
}

TEST(ConfigEdit, SaysWhyItCannot) {
  EXPECT_THAT(edited("[[wave]\n"), HasSubstr("not TOML"));
  EXPECT_THAT(edited("hostname = \"a\"\n"), HasSubstr("has no [[wave]]"));
  EXPECT_THAT(edited("[[wave]]\nname = \"pilots\"\n"), HasSubstr("write one of \"pilots\""));
  const std::string one = "[[wave]]\nname = \"pilot\"\nstate = \"dual\"\n";
  EXPECT_THAT(edited(one + one), HasSubstr("there twice"));
  EXPECT_THAT(edited("[[wave]]\nname = \"pilot\"\nstate = 5\n"), HasSubstr("by hand"));
}

}  // namespace
}  // namespace postern::gateway
