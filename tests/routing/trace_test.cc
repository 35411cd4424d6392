// SPDX-License-Identifier: Apache-2.0
#include "routing/trace.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::routing {
namespace {

constexpr std::string_view kName = "Postern-Trace:";

class TracerTest : public ::testing::Test {
 protected:
  /// The body of a field as the next pass finds it.
  static std::string body(const std::string& field) {
    EXPECT_TRUE(field.starts_with(kName));
    EXPECT_TRUE(field.ends_with("\r\n"));
    return field.substr(kName.size(), field.size() - kName.size() - 2);
  }
  /// The facts are views: the bodies stay in the fixture.
  MessageFacts facts(std::vector<std::string> bodies) {
    kept_ = std::move(bodies);
    MessageFacts out;
    out.trace_fields.assign(kept_.begin(), kept_.end());
    return out;
  }

  Tracer tracer_{"gw.company.ru", "key"};
  TraceHex box_ = tracer_.mailbox_hash("i.ivanov", "company.ru");
  std::vector<std::string> kept_;
};

TEST_F(TracerTest, VerifiesWhatItMade) {
  const std::string made = body(tracer_.field(box_, 2));
  const std::optional<TraceField> field = parse_trace(made);
  ASSERT_TRUE(field);
  EXPECT_EQ(field->gateway, "gw.company.ru");
  EXPECT_EQ(field->pass, 2U);
  EXPECT_TRUE(tracer_.verify(*field));
}

TEST_F(TracerTest, TheLineIsUnder200OctetsAlsoForALongHostName) {
  const Tracer longest(std::string(60, 'a') + "." + std::string(60, 'b') + ".ru", "key");
  const std::string line = longest.field(box_, kMaxTracePass);
  EXPECT_LT(line.size(), 200U);
  const std::string made = body(line);
  EXPECT_TRUE(longest.verify(*parse_trace(made)));
  EXPECT_LT(tracer_.field(box_, kMaxTracePass).size(), 200U);
}

TEST_F(TracerTest, AFoldOnTheWayDoesNotBreakIt) {
  std::string made = body(tracer_.field(box_, 1));
  made.replace(made.find("; box"), 2, ";\r\n\t ");
  ASSERT_TRUE(parse_trace(made));
  EXPECT_TRUE(tracer_.verify(*parse_trace(made)));
}

TEST_F(TracerTest, EveryChangedOctetMakesItForgedOrBroken) {
  const std::string made = body(tracer_.field(box_, 1));
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (made[i] == ' ') continue;
    std::string changed = made;
    changed[i] = changed[i] == '7' ? '8' : '7';
    const std::optional<TraceField> field = parse_trace(changed);
    EXPECT_FALSE(field && tracer_.verify(*field)) << changed;
  }
}

TEST_F(TracerTest, AnotherKeyOrAnotherGatewayDoesNotVerify) {
  const std::string made = body(tracer_.field(box_, 1));
  EXPECT_FALSE(Tracer("gw.company.ru", "other").verify(*parse_trace(made)));
  EXPECT_FALSE(Tracer("gw2.company.ru", "key").verify(*parse_trace(made)));
  EXPECT_FALSE(Tracer("gw.company.ru", "").verify(*parse_trace(made)));
}

TEST_F(TracerTest, RefusesWhatIsNoField) {
  const std::string made = body(tracer_.field(box_, 1));
  for (const std::string& text : {std::string(),
                                  std::string("id="),
                                  std::string("pass=1"),
                                  made + "x",
                                  made + "; more=1",
                                  made.substr(0, made.size() - 1),
                                  std::string("id=a; box=1; pass=1; mac=1")}) {
    EXPECT_FALSE(parse_trace(text)) << text;
  }
  for (const char* pass : {"0", "01", "-1", "100", "99999999999999999999", "1x", ""}) {
    std::string changed = made;
    changed.replace(changed.find("pass=1"), 6, std::string("pass=") + pass);
    EXPECT_FALSE(parse_trace(changed)) << changed;
  }
}

TEST_F(TracerTest, CountsTheHighestGenuinePassOfAMailbox) {
  const TraceHex other = tracer_.mailbox_hash("p.petrov", "company.ru");
  Tracer::Passes passes(tracer_,
                        facts({body(tracer_.field(box_, 2)),
                               body(tracer_.field(box_, 1)),
                               body(tracer_.field(other, 7))}));
  EXPECT_EQ(passes.of(box_), 2U);
  EXPECT_EQ(passes.of(other), 7U);
  EXPECT_EQ(passes.of(tracer_.mailbox_hash("nobody", "company.ru")), 0U);
  EXPECT_EQ(passes.forged(), 0U);
}

TEST_F(TracerTest, ForgedAndBrokenFieldsCountAsNoneAndAreCounted) {
  std::string forged = body(tracer_.field(box_, 1));
  forged.replace(forged.find("pass=1"), 6, "pass=9");
  std::string strange = body(Tracer("gw.company.ru", "stolen?").field(TraceHex(box_), 3));
  Tracer::Passes passes(tracer_, facts({forged, "nonsense", strange}));
  EXPECT_EQ(passes.of(box_), 0U);
  EXPECT_EQ(passes.forged(), 3U);
}

TEST_F(TracerTest, FieldsOfAnotherGatewayAreNeitherCountedNorForged) {
  const Tracer other("gw2.company.ru", "its own key");
  Tracer::Passes passes(
      tracer_, facts({body(other.field(other.mailbox_hash("i.ivanov", "company.ru"), 2))}));
  EXPECT_EQ(passes.of(box_), 0U);
  EXPECT_EQ(passes.forged(), 0U);
}

TEST_F(TracerTest, TheMailboxIsNotReadableWithoutTheKey) {
  EXPECT_NE(box_, Tracer("gw.company.ru", "other").mailbox_hash("i.ivanov", "company.ru"));
  EXPECT_NE(box_, tracer_.mailbox_hash("i.ivanov", "branch.ru"));
  EXPECT_EQ(tracer_.field(box_, 1).find("ivanov"), std::string::npos);
}

}  // namespace
}  // namespace postern::routing
