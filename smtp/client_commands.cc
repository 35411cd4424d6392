// SPDX-License-Identifier: Apache-2.0
#include "smtp/client_commands.h"

#include <array>
#include <charconv>

namespace postern::smtp {
namespace {

void append_number(std::uint64_t value, std::string& out) {
  std::array<char, 20> digits{};
  const auto [end, ec] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

void append_body(Body body, const Capabilities& offered, std::string& out) {
  if (body == Body::binary_mime && offered.binarymime) {
    out += " BODY=BINARYMIME";
  } else if (body == Body::eight_bit_mime && offered.eight_bit_mime) {
    out += " BODY=8BITMIME";
  } else if (body == Body::seven_bit && offered.eight_bit_mime) {
    out += " BODY=7BIT";
  }
}

void append_notify(const Notify& notify, std::string& out) {
  if (!notify.specified()) return;
  out += " NOTIFY=";
  if (notify.never) {
    out += "NEVER";
    return;
  }
  std::string_view comma;
  const auto add = [&](bool wanted, std::string_view word) {
    if (!wanted) return;
    out.append(comma).append(word);
    comma = ",";
  };
  add(notify.success, "SUCCESS");
  add(notify.failure, "FAILURE");
  add(notify.delay, "DELAY");
}

}  // namespace

void append_command(std::string_view verb, std::string_view argument, std::string& out) {
  out += verb;
  if (!argument.empty()) out.append(" ").append(argument);
  out += "\r\n";
}

void append_mail(const Sender& sender, const Capabilities& offered, std::string& out) {
  const MailParameters& p = sender.parameters;
  out.append("MAIL FROM:<").append(sender.path.text()).append(">");
  if (p.size && offered.size) {
    out += " SIZE=";
    append_number(*p.size, out);
  }
  append_body(p.body, offered, out);
  if (p.smtputf8 && offered.smtputf8) out += " SMTPUTF8";
  if (p.requiretls && offered.requiretls) out += " REQUIRETLS";
  if (offered.dsn) {
    if (p.ret == Ret::full) out += " RET=FULL";
    if (p.ret == Ret::headers) out += " RET=HDRS";
    if (!p.envid.empty()) out.append(" ENVID=").append(p.envid);
  }
  if (offered.auth && !p.auth.empty()) out.append(" AUTH=").append(p.auth);
  out += "\r\n";
}

void append_rcpt(const Recipient& recipient, const Capabilities& offered, std::string& out) {
  out.append("RCPT TO:<").append(recipient.address.text()).append(">");
  if (offered.dsn) {
    append_notify(recipient.parameters.notify, out);
    const std::string& orcpt = recipient.parameters.orcpt;
    if (!orcpt.empty()) out.append(" ORCPT=").append(orcpt);
  }
  out += "\r\n";
}

void append_bdat(std::uint64_t octets, bool last, std::string& out) {
  out += "BDAT ";
  append_number(octets, out);
  out += last ? " LAST\r\n" : "\r\n";
}

}  // namespace postern::smtp
