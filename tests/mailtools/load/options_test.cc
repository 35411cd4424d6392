// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

namespace postern::load {
namespace {

using testing::HasSubstr;

TEST(Grammar, SizesHaveSuffixes) {
  EXPECT_EQ(*read_size("500"), 500U);
  EXPECT_EQ(*read_size("10K"), 10'240U);
  EXPECT_EQ(*read_size("3M"), 3U << 20);
  EXPECT_EQ(*read_size("1G"), 1U << 30);
  for (const char* wrong : {"", "0", "K", "1X", "1KB", "-1", "1.5K", " 1", "99999999999999999999G"})
    EXPECT_FALSE(read_size(wrong)) << wrong;
}

TEST(Grammar, DurationsHaveUnits) {
  EXPECT_EQ(*read_duration("500ms"), std::chrono::milliseconds(500));
  EXPECT_EQ(*read_duration("30s"), std::chrono::seconds(30));
  EXPECT_EQ(*read_duration("5m"), std::chrono::minutes(5));
  EXPECT_EQ(*read_duration("2h"), std::chrono::hours(2));
  for (const char* wrong : {"", "30", "0s", "s", "5 s", "1d", "721h", "99999999999999999999s"})
    EXPECT_FALSE(read_duration(wrong)) << wrong;
}

TEST(Grammar, AMixGivesEachPartAsOftenAsItsWeight) {
  const Read<Mix> mix = read_size_mix("1K:80,10K:15,100K:4,10M:1");
  ASSERT_TRUE(mix);
  EXPECT_EQ(mix->largest(), 10U << 20);
  std::map<std::uint64_t, int> came;
  for (std::uint64_t draw = 1000; draw < 1100; ++draw)
    ++came[mix->parts[mix->pick(draw)].value];
  EXPECT_EQ(came,
            (std::map<std::uint64_t, int>{
                {1024,       80},
                {10'240,     15},
                {102'400,    4 },
                {10'485'760, 1 }
  }));
}

TEST(Grammar, AMixThatMakesNoSenseSaysWhatToWrite) {
  for (const char* wrong :
       {"", ",", "1K,", "1K:", "1K:0", "1K:x", "1K:1:1", ":5", "1K:99999999999"})
    EXPECT_FALSE(read_size_mix(wrong)) << wrong;
  EXPECT_THAT(read_size_mix("1K:x").error(), HasSubstr("1K:80,10K:20"));
  EXPECT_THAT(read_size_mix("1Q").error(), HasSubstr("10K"));
  EXPECT_FALSE(read_count_mix("0", 10));
  EXPECT_FALSE(read_count_mix("11", 10));
  EXPECT_EQ(read_count_mix("1:9,10:1", 10)->total(), 10U);
}

TEST(Grammar, TemplatesTakeANumberAndPercentSigns) {
  const Read<Template> text = Template::read("a%n.%%x%n");
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->has_number());
  EXPECT_EQ(text->with(42), "a42.%x42");
  EXPECT_FALSE(Template::read("plain")->has_number());
  EXPECT_EQ(Template::read("plain")->with(1), "plain");
  EXPECT_FALSE(Template::read("user%d"));
  EXPECT_FALSE(Template::read("user%"));
}

Typed some() {
  Typed out;
  out.sessions = 2;
  out.messages = 10;
  return out;
}

TEST(Options, TheLeastCommandLineIsEnough) {
  const Read<Options> options = read_options(some());
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->sessions, 2U);
  EXPECT_EQ(options->size.largest(), 1024U);
  EXPECT_EQ(options->timeout, std::chrono::seconds(60));
  EXPECT_TRUE(options->pipelining);
  EXPECT_FALSE(options->helo.empty());
}

TEST(Options, WarmUpIsATimeOrANumberOfLetters) {
  Typed typed = some();
  typed.warm_up = "1000";
  EXPECT_EQ(read_options(typed)->warm_up_messages, 1000U);
  EXPECT_EQ(read_options(typed)->warm_up.count(), 0);
  typed.warm_up = "5s";
  EXPECT_EQ(read_options(typed)->warm_up, std::chrono::seconds(5));
  EXPECT_EQ(read_options(typed)->warm_up_messages, 0U);
}

TEST(Options, TheSinkIsAnAddressAndAPort) {
  Typed typed = some();
  typed.sink = "[::1]:2525";
  EXPECT_EQ(read_options(typed)->sink_endpoint.port(), 2525);
  EXPECT_TRUE(read_options(typed)->sink_endpoint.address().is_v6());
}

TEST(Options, TheSinkIsWaitedForAsLongAsTold) {
  Typed typed = some();
  EXPECT_EQ(read_options(typed)->sink_wait, std::chrono::seconds(30));
  typed.sink_wait = "3s";
  EXPECT_EQ(read_options(typed)->sink_wait, std::chrono::seconds(3));
}

TEST(Options, CertificatesAreVerifiedWhereThatIsAskedOrAuthoritiesAreNamed) {
  Typed typed = some();
  typed.tls = "starttls";
  EXPECT_FALSE(read_options(typed)->verify);
  typed.verify = true;
  EXPECT_TRUE(read_options(typed)->verify);
  typed.verify = false;
  typed.ca = "ca.pem";
  EXPECT_TRUE(read_options(typed)->verify);
}

TEST(Options, WhatIsWrongNamesTheOptionAndWhatToWrite) {
  struct Case {
    std::function<void(Typed&)> change;
    const char* told;
  };
  const Case cases[] = {
      {[](Typed& t) { t.sessions = 0; },             "--rate N"                         },
      {[](Typed& t) { t.rate = 5; },                 "either --rate"                    },
      {[](Typed& t) { t.messages = 0; },             "--duration 30s or --messages N"   },
      {[](Typed& t) {
         t.rate = -1;
         t.sessions = 0;
       },                                     "--rate: write"                    },
      {[](Typed& t) { t.arrivals = "bursts"; },      "constant or poisson"              },
      {[](Typed& t) { t.threads = 0; },              "--threads"                        },
      {[](Typed& t) {
         t.sessions = 0;
         t.rate = 5;
         t.max_sessions = 2;
         t.threads = 4;
       },                                     "at least as many as --threads"    },
      {[](Typed& t) { t.duration = "30"; },          "--duration: \"30\" is no duration"},
      {[](Typed& t) { t.warm_up = "soon"; },         "--warm-up"                        },
      {[](Typed& t) { t.timeout = "0s"; },           "--timeout"                        },
      {[](Typed& t) { t.size = "2G"; },              "at most 1G"                       },
      {[](Typed& t) { t.recipients = "0"; },         "--recipients: \"0\" is no number" },
      {[](Typed& t) {
         t.recipients = "5";
         t.to = "a@b.example";
       },                                     "write %n in --to"                 },
      {[](Typed& t) {
         t.recipients = "5";
         t.users = 4;
       },                                     "--users"                          },
      {[](Typed& t) { t.users = 0; },                "--users"                          },
      {[](Typed& t) { t.from = "nobody at all"; },   "--from"                           },
      {[](Typed& t) { t.to = ""; },                  "--to"                             },
      {[](Typed& t) { t.to = "п%n@company.ru"; },   "ASCII"                            },
      {[](Typed& t) { t.helo = "two words"; },       "--helo"                           },
      {[](Typed& t) { t.chunk_size = "1K"; },        "--bdat"                           },
      {[](Typed& t) {
         t.bdat = true;
         t.slow = 1;
       },                                     "--slow"                           },
      {[](Typed& t) { t.server = "10.0.0.1:25"; },   "--port"                           },
      {[](Typed& t) { t.port = 70'000; },            "--port"                           },
      {[](Typed& t) { t.tls = "yes"; },              "none, starttls or on-connect"     },
      {[](Typed& t) { t.verify = true; },            "need --tls"                       },
      {[](Typed& t) { t.auth_user = "ann"; },        "--auth-password"                  },
      {[](Typed& t) { t.sources = {"here"}; },       "--source: \"here\""               },
      {[](Typed& t) { t.sink_wait = "soon"; },       "--sink-wait"                      },
      {[](Typed& t) { t.sink = "2525"; },            "--sink"                           },
      {[](Typed& t) { t.sink = "127.0.0.1:99999"; }, "--sink"                           },
  };
  for (const Case& one : cases) {
    Typed typed = some();
    one.change(typed);
    const Read<Options> options = read_options(typed);
    ASSERT_FALSE(options) << one.told;
    EXPECT_THAT(options.error(), HasSubstr(one.told));
  }
}

TEST(Options, TheNullSenderIsASender) {
  Typed typed = some();
  typed.from = "";
  EXPECT_TRUE(read_options(typed));
}

}  // namespace
}  // namespace postern::load
