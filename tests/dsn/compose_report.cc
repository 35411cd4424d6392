// SPDX-License-Identifier: Apache-2.0
// compose_report NAME: one report on standard output, for parse_report.py; what sending it needs on
// standard error.
#include "queue/dsn/report.h"
#include "samples.h"

#include <cstdio>
#include <string>
#include <string_view>

namespace {

using namespace postern::dsn;

Facts facts_of(std::string_view name) {
  Facts out = facts();
  out.sender.parameters.envid = "QQ+2B1";
  out.sender.parameters.ret = postern::smtp::Ret::full;
  ReportedRecipient& first = out.recipients.front();
  if (name == "relay") first.reply = unable_to_relay();
  if (name == "headers") out.sender.parameters.ret = postern::smtp::Ret::headers;
  if (name == "delay") first = recipient("a@company.ru", Action::delayed, {});
  if (name == "mixed") {
    out.recipients.push_back(recipient("b@company.ru", Action::relayed, {}));
    out.recipients.push_back(recipient("c@company.ru", Action::delivered, {}));
  }
  if (name == "hostile") {
    first.reply = {
        550, {}, std::string("no\r\n\r\nAction: relayed\r\n--x--\r\n") + std::string(3000, 'z')};
    first.recipient.parameters.orcpt = "rfc822;x+0D+0A+0D+0AAction:+20relayed";
  }
  if (name == "utf8") {
    out.sender.parameters.smtputf8 = true;
    first.recipient.address = mailbox("почта@company.ru");
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::optional<Report> report = compose(facts_of(argv[1]));
  if (!report) return 1;
  std::fwrite(report->octets.data(), 1, report->octets.size(), stdout);
  if (report->needs_8bitmime) std::fputs("8BITMIME ", stderr);
  if (report->needs_smtputf8) std::fputs("SMTPUTF8 ", stderr);
  return 0;
}
