// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/octets.h"

#include <gtest/gtest.h>

namespace postern::dsn {
namespace {

using namespace std::string_literals;

std::string field(std::string_view value, Charset charset = Charset::ascii) {
  std::string out;
  append_field("X", value, charset, out);
  return out;
}

std::string paragraph(std::string_view text, std::size_t indent) {
  std::string out;
  append_paragraph(text, indent, Charset::ascii, out);
  return out;
}

TEST(OneLine, HasNoLineEndControlOrForeignOctet) {
  struct Case {
    std::string text;
    Charset charset;
    std::string line;
  };
  const Case cases[] = {
      {"no such user",         Charset::ascii, "no such user"},
      {"a\r\nBcc: x\nb\rc",    Charset::ascii, "a Bcc: x b c"},
      {" \t a  b\t\r\n",       Charset::ascii, "a b"         },
      {"\0\x1b[2J\x7f"s,       Charset::ascii, "??[2J?"      },
      {"нет",               Charset::ascii, "??????"      },
      {"нет",               Charset::utf8,  "нет"      },
      {"\xed\xe5\xf2",         Charset::utf8,  "???"         },
      {"a\xc2\x85"
       "b\xe2\x80\xa8", Charset::utf8,
       "a??b???"                                             },
      {"\xed\xe5\xf2",         Charset::any,   "\xed\xe5\xf2"},
      {"",                     Charset::utf8,  ""            },
  };
  for (const Case& c : cases)
    EXPECT_EQ(one_line(c.text, c.charset), c.line) << c.text;
}

TEST(Utf8Front, TakesWellFormedCharactersOnly) {
  struct Case {
    std::string text;
    std::size_t octets;
  };
  const Case cases[] = {
      {"a",                1},
      {"я",               2},
      {"\xe2\x82\xac",     3},
      {"\xf0\x9f\x93\xa7", 4},
      {"",                 0},
      {"\x80",             0}, // a continuation
      {"\xc0\xaf",         0}, // overlong
      {"\xe0\x80\xaf",     0}, // overlong
      {"\xf0\x80\x80\xaf", 0}, // overlong
      {"\xed\xa0\x80",     0}, // a surrogate
      {"\xf4\x90\x80\x80", 0}, // beyond U+10FFFF
      {"\xf5\x80\x80\x80", 0},
      {"\xe2\x82",         0}, // cut
      {"\xe2\x82x",        0},
  };
  for (const Case& c : cases)
    EXPECT_EQ(utf8_front(c.text), c.octets) << testing::PrintToString(c.text);
}

TEST(DecodeXtext, DecodesWhatIsXtext) {
  EXPECT_EQ(decode_xtext("QQ314159"), "QQ314159");
  EXPECT_EQ(decode_xtext("a+2Bb+3D+40"), "a+b=@");
  EXPECT_EQ(decode_xtext("a+0D+0Ab"), "a\r\nb");
  EXPECT_EQ(decode_xtext("a+"), "a+");
  EXPECT_EQ(decode_xtext("a+4"), "a+4");
  EXPECT_EQ(decode_xtext("a+4g+4a"), "a+4g+4a");
}

TEST(Utf8Address, HasBothFormsOfRfc6533) {
  EXPECT_EQ(utf8_address("почта@пример.рф", Charset::utf8), "почта@пример.рф");
  EXPECT_EQ(utf8_address("я+=\\ @x", Charset::utf8), "я\\x{2B}\\x{3D}\\x{5C}\\x{20}@x");
  EXPECT_EQ(utf8_address("я@x.ru", Charset::ascii), "\\x{44F}@x.ru");
  EXPECT_EQ(utf8_address("\xff\r\n@x.ru", Charset::utf8), "?\\x{0D}\\x{0A}@x.ru");
}

TEST(AppendField, FoldsAtSpacesAndNeverAddsAField) {
  EXPECT_EQ(field("short"), "X: short\r\n");
  EXPECT_EQ(field(""), "X: \r\n");
  EXPECT_EQ(field("a\r\nBcc: victim@x"), "X: a Bcc: victim@x\r\n");
  const std::string word(40, 'a');
  EXPECT_EQ(field(word + " " + word), "X: " + word + "\r\n " + word + "\r\n");
}

TEST(AppendField, BreaksAWordThatFitsNoLine) {
  const std::string out = field(std::string(2000, 'a'));
  EXPECT_EQ(out,
            "X: " + std::string(995, 'a') + "\r\n " + std::string(997, 'a') + "\r\n " +
                std::string(8, 'a') + "\r\n");
}

TEST(AppendField, BreaksBetweenUtf8Characters) {
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "я";
  const std::string out = field(text, Charset::utf8);
  EXPECT_EQ(out.find("\r\n"), 3U + 994U);
}

TEST(AppendParagraph, WrapsAndIndents) {
  EXPECT_EQ(paragraph("", 4), "");
  EXPECT_EQ(paragraph("a b", 4), "    a b\r\n");
  const std::string word(40, 'a');
  EXPECT_EQ(paragraph(word + " " + word, 4), "    " + word + "\r\n    " + word + "\r\n");
  EXPECT_EQ(paragraph(std::string(1000, 'a'), 4),
            "    " + std::string(994, 'a') + "\r\n    " + std::string(6, 'a') + "\r\n");
}

TEST(CleanHeader, MendsWhatCannotBeSent) {
  struct Case {
    std::string header;
    std::string clean;
  };
  const Case cases[] = {
      {"A: b\r\nC: d\r\n",     "A: b\r\nC: d\r\n"    },
      {"A: b\r\n\r\nbody\r\n", "A: b\r\n"            },
      {"A: b\nC: d",           "A: b\r\nC: d\r\n"    },
      {"A: b\rC: d\r\n",       "A: b?C: d\r\n"       },
      {"A:\tb\0c\r\n"s,        "A:\tb?c\r\n"         },
      {"A: b\r\n  folded\r\n", "A: b\r\n  folded\r\n"},
      {"A: \xed\xe5\xf2\r\n",  "A: \xed\xe5\xf2\r\n" },
      {"",                     ""                    },
  };
  for (const Case& c : cases)
    EXPECT_EQ(clean_header(c.header, 1000, Charset::any), c.clean) << c.header;
  EXPECT_EQ(clean_header("A: я\r\n", 1000, Charset::ascii), "A: ??\r\n");
}

TEST(CleanHeader, FoldsLongLines) {
  const std::string a(600, 'a');
  EXPECT_EQ(clean_header("X: " + a + " " + a, 9999, Charset::any),
            "X: " + a + "\r\n " + a + "\r\n");
  EXPECT_EQ(clean_header(std::string(2000, 'a'), 9999, Charset::any),
            std::string(998, 'a') + "\r\n " + std::string(997, 'a') + "\r\n " +
                std::string(5, 'a') + "\r\n");
}

TEST(CleanHeader, EndsAtALineWithinItsBound) {
  EXPECT_EQ(clean_header("A: b\r\nC: d\r\n", 6, Charset::any), "A: b\r\n");
  EXPECT_EQ(clean_header("A: b\r\nC: d\r\n", 11, Charset::any), "A: b\r\n");
  EXPECT_EQ(clean_header("A: b\r\nC: d\r\n", 12, Charset::any), "A: b\r\nC: d\r\n");
}

TEST(IsCleanMessage, WantsCrlfAndLinesThatFit) {
  EXPECT_TRUE(is_clean_message("A: b\r\n\r\n\xff\x1b\r\n"));
  EXPECT_TRUE(is_clean_message(std::string(998, 'a') + "\r\n"));
  EXPECT_FALSE(is_clean_message(std::string(999, 'a') + "\r\n"));
  EXPECT_FALSE(is_clean_message("a\nb\r\n"));
  EXPECT_FALSE(is_clean_message("a\rb\r\n"));
  EXPECT_FALSE(is_clean_message("a\0b\r\n"s));
  EXPECT_FALSE(is_clean_message("a\r\nb"));
}

}  // namespace
}  // namespace postern::dsn
