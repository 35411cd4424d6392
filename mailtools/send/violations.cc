// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/violations.h"

#include <algorithm>

namespace postern::send {
namespace {

constexpr ViolationFacts kViolations[] = {
    {Violation::bare_lf,            "bare-lf",         "a line of the message ends with LF alone (RFC 5321 2.3.8)"           },
    {Violation::bare_cr,            "bare-cr",         "a CR within a line of the message (RFC 5321 2.3.8)"                  },
    {Violation::nul,                "nul",             "a NUL in the message (RFC 5322 4.1)"                                 },
    {Violation::long_line,
     "long-line",                                      "a line of 5000 octets in the message (RFC 5321 4.5.3.1.6)"           },
    {Violation::eight_bit_unasked,
     "8bit-unasked",                                   "octets above 127 in the message, without BODY=8BITMIME (RFC 6152)"   },
    {Violation::no_dot_stuffing,
     "no-dot-stuffing",                                "a line that begins with a dot, which is not doubled (RFC 5321 4.5.2)"},
    {Violation::no_end,             "no-end",          "the connection ends before the message does (RFC 5321 4.1.1.5)"      },
    {Violation::smuggle_lf,         "smuggle-lf",      "a second letter behind LF . LF (SMTP smuggling)"                     },
    {Violation::smuggle_lf_crlf,    "smuggle-lf-crlf", "a second letter behind LF . CRLF"                                    },
    {Violation::smuggle_cr,         "smuggle-cr",      "a second letter behind CR . CR"                                      },
    {Violation::pregreeting,        "pregreeting",     "EHLO before the greeting (RFC 5321 3.1)"                             },
    {Violation::no_helo,            "no-helo",         "MAIL without EHLO or HELO (RFC 5321 4.1.1.1)"                        },
    {Violation::pipelining_unasked,
     "pipelining-unasked",                             "MAIL, RCPT and DATA in one write, offered or not (RFC 2920)"         },
    {Violation::data_early,
     "data-early",                                     "the message right behind DATA, before 354 (RFC 2920 3.1)"            },
    {Violation::starttls_injection,
     "starttls-injection",                             "a command in plain behind STARTTLS (RFC 3207 4.2; CVE-2011-0411)"    },
    {Violation::bare_lf_command,    "bare-lf-command", "MAIL ends with LF alone (RFC 5321 2.3.8)"                            },
    {Violation::nul_command,        "nul-command",     "NOOP with a NUL in it, before MAIL"                                  },
    {Violation::long_command,
     "long-command",                                   "NOOP of 5000 octets, before MAIL (RFC 5321 4.5.3.1.4)"               },
    {Violation::unbracketed,        "unbracketed",     "addresses without < and > (RFC 5321 4.1.2)"                          },
    {Violation::space_after_colon,
     "space-after-colon",                              "\"MAIL FROM: <...>\", as many write it (RFC 5321 3.3)"               },
    {Violation::unknown_parameter,
     "unknown-parameter",                              "a parameter of MAIL that no server offers (RFC 5321 4.1.1.11: 555)"  },
    {Violation::size_lie,           "size-lie",        "SIZE=1 on MAIL, and more is sent (RFC 1870 6.3)"                     },
    {Violation::rcpt_first,         "rcpt-first",      "RCPT before MAIL (RFC 5321 4.1.4: 503)"                              },
    {Violation::data_first,         "data-first",      "DATA before MAIL (RFC 5321 4.1.4: 503)"                              },
    {Violation::nested_mail,        "nested-mail",     "a second MAIL behind the first (RFC 5321 4.1.4: 503)"                },
    {Violation::data_after_bdat,    "data-after-bdat", "DATA behind a BDAT (RFC 3030 2: 503)"                                },
    {Violation::bdat_size,          "bdat-size",       "BDAT with a size that is no number (RFC 3030 2: 501)"                },
    {Violation::no_quit,            "no-quit",         "the connection ends without QUIT (RFC 5321 4.1.1.10)"                },
};

constexpr std::size_t kLongLine = 5000;

std::string_view smuggling_end(const Violations& violations) {
  if (violations.contains(Violation::smuggle_lf)) return "\n.\n";
  if (violations.contains(Violation::smuggle_lf_crlf)) return "\n.\r\n";
  return violations.contains(Violation::smuggle_cr) ? "\r.\r" : "";
}

}  // namespace

std::span<const ViolationFacts> all_violations() {
  return kViolations;
}

std::string_view name_of(Violation violation) {
  const auto* const found = std::find_if(
      std::begin(kViolations), std::end(kViolations), [violation](const ViolationFacts& facts) {
        return facts.violation == violation;
      });
  return found == std::end(kViolations) ? std::string_view() : found->name;
}

std::optional<Violation> read_violation(std::string_view name) {
  for (const ViolationFacts& facts : kViolations) {
    if (facts.name == name) return facts.violation;
  }
  return std::nullopt;
}

bool smuggles(const Violations& violations) {
  return !smuggling_end(violations).empty();
}

std::string spoiled(std::string message, const Violations& violations) {
  const auto has = [&violations](Violation one) { return violations.contains(one); };
  if (has(Violation::bare_lf)) message += "this line ends with LF alone\nand this one is right\r\n";
  if (has(Violation::bare_cr)) message += "a CR\rwithin a line\r\n";
  if (has(Violation::nul)) message.append("a NUL").push_back('\0');
  if (has(Violation::nul)) message += "within a line\r\n";
  if (has(Violation::long_line)) message.append(kLongLine, 'x').append("\r\n");
  if (has(Violation::eight_bit_unasked)) message += "8 bits: \xd0\xb4\xd0\xb0\r\n";
  if (has(Violation::no_dot_stuffing)) message += ".this line begins with one dot\r\n";
  return message;
}

std::string data_octets(std::string_view message,
                        const Violations& violations,
                        std::string_view envelope) {
  const bool stuff = !violations.contains(Violation::no_dot_stuffing);
  std::string out;
  out.reserve(message.size() + message.size() / 64 + 256);
  for (std::size_t at = 0; at < message.size();) {
    const std::size_t end = std::min(message.find('\n', at), message.size() - 1) + 1;
    if (message[at] == '.' && stuff) out += '.';
    out.append(message.substr(at, end - at));
    at = end;
  }
  if (const std::string_view end = smuggling_end(violations); !end.empty()) {
    out.append("what follows is smuggled").append(end).append(envelope);
    out += "Subject: smuggled by a test\r\n\r\nTwo letters came of one.\r\n";
  }
  if (!violations.contains(Violation::no_end)) out += ".\r\n";
  return out;
}

}  // namespace postern::send
