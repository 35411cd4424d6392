// SPDX-License-Identifier: Apache-2.0
#include "smtp/command.h"

#include "smtp/verbs.h"

#include <algorithm>
#include <charconv>

namespace postern::smtp {
namespace {

/// Takes the next word (up to a space) off the front of `rest`, with the spaces behind it.
std::string_view next_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  while (!rest.empty() && rest.front() == ' ')
    rest.remove_prefix(1);
  return word;
}

bool has_control(std::string_view line) {
  return std::any_of(line.begin(), line.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

template <class Number>
bool parse_number(std::string_view text, std::size_t most_digits, Number& out) {
  if (text.empty() || text.size() > most_digits) return false;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc() && end == text.data() + text.size();
}

/// RFC 3461 4: xtext = *( xchar / "+" 2HEXDIG (upper case) ).
bool is_xtext(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  while (!text.empty()) {
    const char c = text.front();
    if (c < '!' || c > '~' || c == '=') return false;
    if (c == '+' && (text.size() < 3 || !is_hex(text[1]) || !is_hex(text[2]))) return false;
    text.remove_prefix(c == '+' ? 3 : 1);
  }
  return true;
}

/// RFC 5322 Atom, which an address type of ORCPT is (RFC 3461 4.2).
bool is_atom(std::string_view text) {
  static constexpr std::string_view kSpecials = "()<>[]:;@\\,.\"";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && kSpecials.find(c) == std::string_view::npos;
  });
}

bool is_beyond_ascii(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0x80U) != 0;
  });
}

struct Parameter {
  std::string_view keyword;
  std::string_view value;
  bool has_value = false;
};

Parameter split(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return {word, {}, false};
  return {word.substr(0, equals), word.substr(equals + 1), true};
}

/// 0: fine.
using Problem = Errc;
constexpr Problem kFine{};

Problem set_body(const Parameter& p, const ParserOptions& options, MailParametersView& out) {
  if (out.body != Body::unspecified) return Errc::duplicate_parameter;
  if (iequals(p.value, "7BIT")) {
    out.body = Body::seven_bit;
  } else if (iequals(p.value, "8BITMIME")) {
    out.body = Body::eight_bit_mime;
  } else if (iequals(p.value, "BINARYMIME") && options.binarymime) {
    out.body = Body::binary_mime;
  } else {
    return Errc::bad_parameter_value;
  }
  return kFine;
}

Problem set_ret(const Parameter& p, MailParametersView& out) {
  if (out.ret != Ret::unspecified) return Errc::duplicate_parameter;
  if (iequals(p.value, "FULL")) {
    out.ret = Ret::full;
  } else if (iequals(p.value, "HDRS")) {
    out.ret = Ret::headers;
  } else {
    return Errc::bad_parameter_value;
  }
  return kFine;
}

Problem set_text(const Parameter& p, std::size_t most, std::string_view& out) {
  if (!out.empty()) return Errc::duplicate_parameter;
  if (p.value.empty() || p.value.size() > most) return Errc::bad_parameter_value;
  out = p.value;
  return kFine;
}

Problem set_flag(const Parameter& p, bool& out) {
  if (out) return Errc::duplicate_parameter;
  if (p.has_value) return Errc::bad_parameter_value;
  out = true;
  return kFine;
}

Problem set_size(const Parameter& p, MailParametersView& out) {
  if (out.size) return Errc::duplicate_parameter;
  std::uint64_t size = 0;
  if (!parse_number(p.value, 20, size)) return Errc::bad_parameter_value;
  out.size = size;
  return kFine;
}

/// `literal`: a value that is allowed though it is no xtext; may be empty.
Problem set_xtext(const Parameter& p,
                  std::size_t most,
                  std::string_view literal,
                  std::string_view& out) {
  const bool good = p.value == literal || is_xtext(p.value);
  return good ? set_text(p, most, out) : Errc::bad_parameter_value;
}

Problem set_mail_parameter(const Parameter& p,
                           const ParserOptions& options,
                           MailParametersView& out) {
  const auto is = [&p](std::string_view keyword, bool offered) {
    return offered && iequals(p.keyword, keyword);
  };
  if (!options.extended) return Errc::unknown_parameter;
  if (is("SIZE", true)) return set_size(p, out);
  if (is("BODY", true)) return set_body(p, options, out);
  if (is("SMTPUTF8", options.smtputf8)) return set_flag(p, out.smtputf8);
  if (is("REQUIRETLS", options.requiretls)) return set_flag(p, out.requiretls);
  if (is("RET", options.dsn)) return set_ret(p, out);
  if (is("ENVID", options.dsn)) return set_xtext(p, 100, {}, out.envid);
  if (is("AUTH", options.auth)) return set_xtext(p, 500, "<>", out.auth);
  return Errc::unknown_parameter;
}

bool* notify_flag(std::string_view word, Notify& out) {
  if (iequals(word, "NEVER")) return &out.never;
  if (iequals(word, "SUCCESS")) return &out.success;
  if (iequals(word, "FAILURE")) return &out.failure;
  return iequals(word, "DELAY") ? &out.delay : nullptr;
}

Problem set_notify(const Parameter& p, Notify& out) {
  if (out.specified()) return Errc::duplicate_parameter;
  std::string_view rest = p.value;
  for (;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    bool* const flag = notify_flag(word, out);
    if (flag == nullptr || *flag) return Errc::bad_parameter_value;
    *flag = true;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  const bool mixed = out.never && (out.success || out.failure || out.delay);
  return mixed ? Errc::bad_parameter_value : kFine;
}

Problem set_rcpt_parameter(const Parameter& p,
                           const ParserOptions& options,
                           RcptParametersView& out) {
  if (!options.extended || !options.dsn) return Errc::unknown_parameter;
  if (iequals(p.keyword, "NOTIFY")) return set_notify(p, out.notify);
  if (iequals(p.keyword, "ORCPT")) {
    const std::size_t semicolon = p.value.find(';');
    const bool good = semicolon != std::string_view::npos &&
                      is_atom(p.value.substr(0, semicolon)) &&
                      (options.mail_is_utf8 || is_xtext(p.value.substr(semicolon + 1)));
    return good ? set_text(p, 500, out.orcpt) : Errc::bad_parameter_value;
  }
  return Errc::unknown_parameter;
}

/// "FROM:<path> parameters" or "TO:<path> parameters".
template <class Out, class SetParameter>
Problem parse_path_command(
    std::string_view rest, std::string_view keyword, bool utf8, Out& out, const SetParameter& set) {
  if (rest.size() < keyword.size() || !iequals(rest.substr(0, keyword.size()), keyword))
    return Errc::missing_argument;
  rest.remove_prefix(keyword.size());
  while (!rest.empty() && rest.front() == ' ')
    rest.remove_prefix(1);
  const Result<ParsedPath> parsed = parse_path(rest, utf8);
  if (!parsed) return static_cast<Errc>(parsed.error().value());
  out.path = parsed->path;
  rest = parsed->rest;
  if (!rest.empty() && rest.front() != ' ') return Errc::bad_parameter_value;
  while (!rest.empty() && rest.front() == ' ')
    rest.remove_prefix(1);
  while (!rest.empty()) {
    const Problem problem = set(split(next_word(rest)), out.parameters);
    if (problem != kFine) return problem;
  }
  return kFine;
}

/// UTF-8 in the sender's address is allowed when SMTPUTF8 stands on the same line, behind it.
bool says_smtputf8(std::string_view line) {
  for (std::string_view rest = line; !rest.empty();) {
    if (iequals(next_word(rest), "SMTPUTF8")) return true;
  }
  return false;
}

Command parse_mail(std::string_view rest, const ParserOptions& options) {
  Mail mail;
  const bool utf8 = options.extended && options.smtputf8 && says_smtputf8(rest);
  const Problem problem = parse_path_command(
      rest, "FROM:", utf8, mail, [&](const Parameter& p, MailParametersView& out) {
        return set_mail_parameter(p, options, out);
      });
  if (problem != kFine) return BadArguments{Verb::mail, problem};
  // The word may have stood inside a quoted local part, and was no parameter.
  if (utf8 && !mail.parameters.smtputf8 &&
      (is_beyond_ascii(mail.path.local) || is_beyond_ascii(mail.path.domain)))
    return BadArguments{Verb::mail, Errc::needs_smtputf8};
  return mail;
}

Command parse_rcpt(std::string_view rest, const ParserOptions& options) {
  Rcpt rcpt;
  const Problem problem = parse_path_command(
      rest, "TO:", options.mail_is_utf8, rcpt, [&](const Parameter& p, RcptParametersView& out) {
        return set_rcpt_parameter(p, options, out);
      });
  if (problem != kFine) return BadArguments{Verb::rcpt, problem};
  if (rcpt.path.is_null) return BadArguments{Verb::rcpt, Errc::empty_path};
  return rcpt;
}

Command parse_bdat(std::string_view rest) {
  Bdat bdat;
  // More digits than any message has, few enough never to overflow.
  if (!parse_number(next_word(rest), 19, bdat.size))
    return BadArguments{Verb::bdat, Errc::bad_parameter_value};
  if (!rest.empty()) {
    bdat.last = iequals(next_word(rest), "LAST");
    if (!bdat.last || !rest.empty()) return BadArguments{Verb::bdat, Errc::unexpected_argument};
  }
  return bdat;
}

Command parse_auth(std::string_view rest) {
  Auth auth;
  auth.mechanism = next_word(rest);
  auth.has_initial_response = !rest.empty();
  auth.initial_response = next_word(rest);
  if (!rest.empty()) return BadArguments{Verb::auth, Errc::unexpected_argument};
  return auth;
}

Command parse_helo(std::string_view rest, Verb verb) {
  const std::string_view domain = next_word(rest);
  // A name that is wrong is no reason to refuse (RFC 5321 4.1.4); one that is no word at all is.
  if (!rest.empty()) return BadArguments{verb, Errc::unexpected_argument};
  if (!is_valid_helo_domain(domain)) return BadArguments{verb, Errc::bad_domain};
  if (verb == Verb::helo) return Helo{domain};
  return Ehlo{domain};
}

Command parse_known(const VerbRow& row, std::string_view rest, const ParserOptions& options) {
  if (row.argument == ArgumentForm::none && !rest.empty())
    return BadArguments{row.verb, Errc::unexpected_argument};
  if (row.argument == ArgumentForm::required && rest.empty())
    return BadArguments{row.verb, Errc::missing_argument};
  switch (row.verb) {
    case Verb::helo:
    case Verb::ehlo:
      return parse_helo(rest, row.verb);
    case Verb::mail:
      return parse_mail(rest, options);
    case Verb::rcpt:
      return parse_rcpt(rest, options);
    case Verb::data:
      return Data{};
    case Verb::bdat:
      return parse_bdat(rest);
    case Verb::rset:
      return Rset{};
    case Verb::noop:
      return Noop{};
    case Verb::vrfy:
      return Vrfy{rest};
    case Verb::expn:
      return Expn{rest};
    case Verb::help:
      return Help{rest};
    case Verb::quit:
      return Quit{};
    case Verb::starttls:
      return StartTls{};
    case Verb::auth:
      return parse_auth(rest);
    case Verb::xclient:
      return Xclient{rest};
    case Verb::xforward:
      return Xforward{rest};
    case Verb::unknown:
      break;
  }
  return UnknownCommand{};
}

}  // namespace

Command parse_command(std::string_view line, const ParserOptions& options) {
  while (!line.empty() && line.back() == ' ')
    line.remove_suffix(1);
  std::string_view rest = line;
  const std::string_view verb = next_word(rest);
  for (const VerbRow& row : kVerbs) {
    if (!iequals(verb, row.name)) continue;
    if (has_control(rest)) return BadArguments{row.verb, Errc::control_character};
    return parse_known(row, rest, options);
  }
  return UnknownCommand{verb};
}

std::string_view verb_name(Verb verb) {
  const VerbRow* row = find_verb(verb);
  return row == nullptr ? "unknown" : row->name;
}

namespace {
struct VerbOf {
  Verb operator()(const Helo&) const { return Verb::helo; }
  Verb operator()(const Ehlo&) const { return Verb::ehlo; }
  Verb operator()(const Mail&) const { return Verb::mail; }
  Verb operator()(const Rcpt&) const { return Verb::rcpt; }
  Verb operator()(const Data&) const { return Verb::data; }
  Verb operator()(const Bdat&) const { return Verb::bdat; }
  Verb operator()(const Rset&) const { return Verb::rset; }
  Verb operator()(const Noop&) const { return Verb::noop; }
  Verb operator()(const Vrfy&) const { return Verb::vrfy; }
  Verb operator()(const Expn&) const { return Verb::expn; }
  Verb operator()(const Help&) const { return Verb::help; }
  Verb operator()(const Quit&) const { return Verb::quit; }
  Verb operator()(const StartTls&) const { return Verb::starttls; }
  Verb operator()(const Auth&) const { return Verb::auth; }
  Verb operator()(const Xclient&) const { return Verb::xclient; }
  Verb operator()(const Xforward&) const { return Verb::xforward; }
  Verb operator()(const BadArguments& bad) const { return bad.verb; }
  Verb operator()(const UnknownCommand&) const { return Verb::unknown; }
};
}  // namespace

Verb verb_of(const Command& command) {
  return std::visit(VerbOf{}, command);
}

}  // namespace postern::smtp
