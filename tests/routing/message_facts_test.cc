// SPDX-License-Identifier: Apache-2.0
#include "routing/message_facts.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::routing {
namespace {

TEST(ScanHeader, CountsReceivedFieldsInAnyCaseFoldedOrNot) {
  const MessageFacts facts = scan_header(
      "Received: from a\r\n\tby b; Mon\r\n"
      "RECEIVED: from c by d\r\n"
      "received : from e by f\r\n"
      "X-Received: no\r\n"
      "Received-SPF: no\r\n"
      "Subject: x\r\n Received: a folded subject\r\n"
      "\r\n"
      "Received: in the body\r\n");
  EXPECT_EQ(facts.received, 3U);
  EXPECT_TRUE(facts.trace_fields.empty());
}

TEST(ScanHeader, GivesTheBodiesOfTraceFieldsWithTheirFolds) {
  const MessageFacts facts = scan_header("postern-trace: one;\r\n two\r\nPostern-Trace:three");
  ASSERT_EQ(facts.trace_fields.size(), 2U);
  EXPECT_EQ(facts.trace_fields[0], " one;\r\n two\r");
  EXPECT_EQ(facts.trace_fields[1], "three");
}

TEST(ScanHeader, AMessageMayBeginWithTheEmptyLine) {
  EXPECT_EQ(scan_header("\r\nReceived: body\r\n").received, 0U);
  EXPECT_EQ(scan_header("").received, 0U);
}

TEST(ScanHeader, LinesThatAreNoFieldsAreSkipped) {
  EXPECT_EQ(scan_header("From me Monday\r\n folded\r\nReceived: a\r\n: b\r\n").received, 1U);
  EXPECT_EQ(scan_header(" Received: a continuation of nothing\r\nReceived: b\r\n").received, 1U);
}

TEST(ScanHeader, KeepsTheTopmostTraceFieldsOnly) {
  std::string header;
  for (std::size_t i = 0; i <= kMaxTraceFields; ++i)
    header += "Postern-Trace: x\r\n";
  EXPECT_EQ(scan_header(header).trace_fields.size(), kMaxTraceFields);
}

TEST(MessageFacts, TlsRequiredNoCountsWhereItStandsOnceAndSaysJustThat) {
  struct Case {
    const char* header;
    bool counts;
  };
  const Case cases[] = {
      {"TLS-Required: No\r\n",                                     true },
      {"tls-required:no\r\n",                                      true },
      {"TLS-Required \t: \t NO \t\r\n",                            true },
      {"TLS-Required:\r\n No\r\n",                                 true },
      {"TLS-Required:\r\n\tNo\r\n \r\nSubject: x\r\n",             true },
      {"TLS-Required: No (a test (of (depth)) \\) here)\r\n",      true },
      {"TLS-Required: (first) No\r\n (behind)\r\n",                true },
      {"Subject: x\r\nTLS-Required: No\r\nFrom: a@b\r\n\r\nbody",  true },
      {"TLS-Required: Yes\r\n",                                    false},
      {"TLS-Required:\r\n",                                        false},
      {"TLS-Required: No, really\r\n",                             false},
      {"TLS-Required: N(o)o\r\n",                                  false},
      {"TLS-Required: \"No\"\r\n",                                 false},
      {"TLS-Required: No (without an end\r\n",                     false},
      {"TLS-Required: No)\r\n",                                    false},
      {"TLS-Required: (No)\r\n",                                   false},
      {"X-TLS-Required: No\r\n",                                   false},
      {"TLS-Required: No\r\nTLS-Required: No\r\n",                 false},
      {"TLS-Required: Yes\r\nTLS-Required: No\r\n",                false},
      {"TLS-Required: No\r\nTLS-Required: No\r\nTLS-Required: No", false},
      {"Subject: x\r\n\r\nTLS-Required: No\r\n",                   false},
      {"",                                                         false},
  };
  for (const Case& c : cases)
    EXPECT_EQ(scan_header(c.header).tls_not_required, c.counts) << c.header;
}

}  // namespace
}  // namespace postern::routing
