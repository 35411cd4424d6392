// SPDX-License-Identifier: Apache-2.0
#include "smtp/command.h"
#include "smtp/xclient.h"

#include <cstdlib>
#include <string_view>

// Whatever comes as a command line: views lie inside the line, the parse is the same twice, and
// what was accepted as an address is one when it is parsed alone.
namespace {

using namespace postern::smtp;

void require(bool holds) {
  if (!holds) std::abort();
}

bool inside(std::string_view part, std::string_view line) {
  return part.empty() ||
         (part.data() >= line.data() && part.data() + part.size() <= line.data() + line.size());
}

void check_path(const PathView& path, std::string_view line) {
  require(inside(path.local, line) && inside(path.domain, line));
  require(path.is_null == path.local.empty());
  if (path.is_null) return;
  const Mailbox mailbox(path);
  if (!mailbox.has_domain()) return;
  const auto again = Mailbox::parse(mailbox.text());
  require(again.has_value() && again->text() == mailbox.text());
}

/// What goes into a Received field and the log cannot begin a line of its own.
void check_client(std::string_view attributes) {
  const auto client = parse_xclient(attributes);
  if (!client) return;
  for (const auto* text : {&client->name, &client->helo, &client->login})
    require(!*text || (*text)->find_first_of("\r\n ") == std::string::npos);
}

void check(const Command& command, std::string_view line) {
  if (const auto* mail = std::get_if<Mail>(&command)) {
    check_path(mail->path, line);
    require(inside(mail->parameters.envid, line) && inside(mail->parameters.auth, line));
  } else if (const auto* rcpt = std::get_if<Rcpt>(&command)) {
    check_path(rcpt->path, line);
    require(!rcpt->path.is_null && inside(rcpt->parameters.orcpt, line));
  } else if (const auto* ehlo = std::get_if<Ehlo>(&command)) {
    require(inside(ehlo->domain, line) && !ehlo->domain.empty());
  } else if (const auto* xclient = std::get_if<Xclient>(&command)) {
    require(inside(xclient->attributes, line));
    check_client(xclient->attributes);
  } else if (const auto* xforward = std::get_if<Xforward>(&command)) {
    require(inside(xforward->attributes, line));
    const auto message = parse_xforward(xforward->attributes);
    require(!message || message->text().find_first_of("\r\n") == std::string::npos);
  } else if (const auto* unknown = std::get_if<UnknownCommand>(&command)) {
    require(inside(unknown->verb, line));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  ParserOptions options;
  options.extended = (data[0] & 1U) != 0;
  options.mail_is_utf8 = (data[0] & 2U) != 0;
  options.binarymime = (data[0] & 4U) != 0;
  options.requiretls = (data[0] & 8U) != 0;
  const std::string_view line(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Command command = parse_command(line, options);
  check(command, line);
  require(verb_of(parse_command(line, options)) == verb_of(command));
  return 0;
}
