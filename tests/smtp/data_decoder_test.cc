// SPDX-License-Identifier: Apache-2.0
#include "smtp/data_decoder.h"

#include "splits.h"

#include <gtest/gtest.h>

#include <random>

namespace postern::smtp {
namespace {

struct Decoded {
  std::string octets;
  std::string rest;  ///< what came behind the end
  bool done = false;
  bool dots = false;
  ContentViolations violations;
};

bool has_dot_line(std::string_view octets) {
  return octets.starts_with('.') || octets.find("\n.") != std::string_view::npos;
}

Decoded decode(const std::vector<std::string>& pieces) {
  Decoded out;
  DataDecoder decoder;
  for (std::string piece : pieces) {
    if (out.done) {
      out.rest += piece;
      continue;
    }
    const DataDecoder::Step step = decoder.decode(piece.data(), piece.size());
    out.octets += piece.substr(0, step.produced);
    out.rest += piece.substr(step.consumed);
    out.done = step.done;
  }
  out.violations = decoder.violations();
  out.dots = decoder.saw_dots();
  return out;
}

/// RFC 5321 4.5.2, the sender's side.
std::string encode(std::string_view message) {
  std::string out;
  bool line_start = true;
  for (const char c : message) {
    if (line_start && c == '.') out += '.';
    out += c;
    line_start = c == '\n';
  }
  return out + ".\r\n";
}

struct Case {
  const char* name;
  std::string wire;
  std::string octets;
  bool done;
  bool bare;
};

class DataDecoderTest : public ::testing::TestWithParam<Case> {};

TEST_P(DataDecoderTest, GivesTheSameForEverySplit) {
  for_every_split(GetParam().wire, [](const std::vector<std::string>& pieces) {
    const Decoded d = decode(pieces);
    EXPECT_EQ(d.done, GetParam().done);
    EXPECT_EQ(d.violations.bare_cr || d.violations.bare_lf, GetParam().bare);
    if (!GetParam().bare) {
      EXPECT_EQ(d.octets, GetParam().octets);
      if (d.done) EXPECT_EQ(d.dots, has_dot_line(d.octets));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(
    Wire,
    DataDecoderTest,
    ::testing::Values(
        Case{"Empty", ".\r\n", "", true, false},
        Case{"OneLine", "a\r\n.\r\n", "a\r\n", true, false},
        Case{"StuffedDots", "..a\r\n...\r\n.b\r\n.\r\n", ".a\r\n..\r\nb\r\n", true, false},
        Case{"DotInside", "a.b\r\na.\r\n.\r\n", "a.b\r\na.\r\n", true, false},
        Case{"EmptyLines", "\r\n\r\n.\r\n", "\r\n\r\n", true, false},
        Case{"NotEnded", "a\r\n.", "a\r\n", false, false},
        Case{"LfDotLf", "a\n.\nb\r\n.\r\n", "", true, true},
        Case{"LfDotCrLf", "a\n.\r\nb\r\n.\r\n", "", true, true},
        Case{"CrLfDotLf", "a\r\n.\nb\r\n.\r\n", "", true, true},
        Case{"CrLfDotCr", "a\r\n.\rb\r\n.\r\n", "", true, true},
        Case{"CrDotCrLf", "a\r.\r\n.\r\n", "", true, true},
        Case{"CrCrLf", "a\r\r\n.\r\n", "", true, true},
        Case{"LfAtTheStart", "\na\r\n.\r\n", "", true, true}),
    [](const auto& info) { return info.param.name; });

TEST(DataDecoder, LeavesWhatComesBehindTheEnd) {
  for_every_split("x\r\n.\r\nMAIL FROM:<>\r\n", [](const std::vector<std::string>& pieces) {
    EXPECT_EQ(decode(pieces).rest, "MAIL FROM:<>\r\n");
  });
}

TEST(DataDecoder, UndoesWhatTheEncoderDidForRandomMessages) {
  std::mt19937 random(20261124);
  const char* const words[] = {
      "\r\n", ".", "..", "x", "line of text ", "\r\n.", "0123456789abcdef", "\r\n..\r\n"};
  for (int round = 0; round < 300; ++round) {
    std::string message;
    const std::size_t count = random() % 40;
    for (std::size_t i = 0; i < count; ++i)
      message += words[random() % std::size(words)];
    message += "\r\n";
    const std::string wire = encode(message);
    const std::size_t cut = random() % (wire.size() + 1);
    const Decoded d = decode({wire.substr(0, cut), wire.substr(cut)});
    ASSERT_TRUE(d.done);
    ASSERT_EQ(d.octets, message);
    ASSERT_EQ(d.dots, has_dot_line(message));
    ASSERT_FALSE(d.violations.any());
  }
}

TEST(DataDecoder, FindsADotLineAtEveryPlaceOfALongRun) {
  for (std::size_t at = 0; at < 100; ++at) {
    // The dot of "a.b" begins no line.
    std::string message = "a.b";
    message += std::string(at, 'x') + "\r\n" + ".line" + std::string(100 - at, 'y') + "\r\n";
    const Decoded d = decode({encode(message)});
    ASSERT_TRUE(d.done) << at;
    ASSERT_EQ(d.octets, message) << at;
  }
}

TEST(DataDecoder, MovesNothingWhereNoLineBeginsWithADot) {
  std::string wire = "Subject: a.b\r\n\r\nno dot at a line's start. None.\r\n";
  const std::string before = wire;
  DataDecoder decoder;
  const DataDecoder::Step step = decoder.decode(wire.data(), wire.size());
  EXPECT_EQ(step.produced, before.size());
  EXPECT_EQ(wire, before);
}

/// The scanner's meaning, octet by octet.
ContentViolations plainly(std::string_view octets) {
  ContentViolations out;
  bool cr = false;
  for (const char c : octets) {
    if (cr && c != '\n') out.bare_cr = true;
    if (!cr && c == '\n') out.bare_lf = true;
    if (c == '\0') out.nul = true;
    cr = c == '\r';
  }
  if (cr) out.bare_cr = true;
  return out;
}

TEST(ContentScanner, AgreesWithAPlainLoopAtEveryPlaceOfABlock) {
  // Around the 64 and the 16 octets of a step, each violation at each place, whole and in pieces.
  const char* const bad[] = {"\r", "\n", "\0", "\r\n", "\n\r", "\r\r\n", "\r\n\n", "x"};
  for (const char* text : bad) {
    for (std::size_t at = 0; at < 150; ++at) {
      std::string octets(154, 'x');
      const std::size_t size = *text == '\0' ? 1 : std::string_view(text).size();
      octets.replace(at, size, text, size);
      const ContentViolations expected = plainly(octets);
      for_every_split(octets, [&](const std::vector<std::string>& pieces) {
        ContentScanner scanner;
        for (const std::string& piece : pieces)
          scanner.scan(piece);
        scanner.end();
        ASSERT_EQ(scanner.violations().bare_cr, expected.bare_cr) << at;
        ASSERT_EQ(scanner.violations().bare_lf, expected.bare_lf) << at;
        ASSERT_EQ(scanner.violations().nul, expected.nul) << at;
      });
    }
  }
}

TEST(ContentScanner, SeesOctetsAbove127) {
  ContentScanner scanner;
  scanner.scan(std::string(100, 'x') + "\r\n");
  EXPECT_FALSE(scanner.saw_8bit());
  scanner.scan(std::string(40, 'x') + "\xd0\xb8");
  EXPECT_TRUE(scanner.saw_8bit());
}

TEST(ContentScanner, SeesAnOctetAbove127AtEveryPlaceOfABlock) {
  for (std::size_t at = 0; at < 150; ++at) {
    std::string octets(150, 'x');
    octets[at] = '\x80';
    ContentScanner scanner;
    scanner.scan(octets);
    EXPECT_TRUE(scanner.saw_8bit()) << at;
  }
}

}  // namespace
}  // namespace postern::smtp
