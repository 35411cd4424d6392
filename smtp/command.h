// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/address.h"
#include "smtp/parameters.h"

#include <cstdint>
#include <string_view>
#include <variant>

namespace postern::smtp {

/// Every verb that the parser knows, whether or not a listener offers it. `unknown` is the last.
enum class Verb : std::uint8_t {
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  vrfy,
  expn,
  help,
  quit,
  starttls,
  auth,
  xclient,
  xforward,
  unknown
};

// Commands as values: views point into the line that was parsed.
struct Helo {
  std::string_view domain;
};
struct Ehlo {
  std::string_view domain;
};
struct Mail {
  PathView path;
  MailParametersView parameters;
};
struct Rcpt {
  PathView path;
  RcptParametersView parameters;
};
struct Data {};
struct Bdat {
  std::uint64_t size = 0;
  bool last = false;
};  ///< RFC 3030; size in octets
struct Rset {};
struct Noop {};
struct Vrfy {
  std::string_view argument;
};
struct Expn {
  std::string_view argument;
};
struct Help {
  std::string_view topic;
};
struct Quit {};
struct StartTls {};
struct Auth {
  std::string_view mechanism;
  std::string_view initial_response;
  bool has_initial_response = false;
};

/// smtp/xclient.h reads the attributes.
struct Xclient {
  std::string_view attributes;
};
struct Xforward {
  std::string_view attributes;
};

/// A verb that is known with arguments that are wrong: 501 (555 for Errc::unknown_parameter), not
/// 500.
struct BadArguments {
  Verb verb;
  Errc reason;
};
/// A verb that is not known: 500 5.5.2 / 5.5.1.
struct UnknownCommand {
  std::string_view verb;
};

using Command = std::variant<Helo,
                             Ehlo,
                             Mail,
                             Rcpt,
                             Data,
                             Bdat,
                             Rset,
                             Noop,
                             Vrfy,
                             Expn,
                             Help,
                             Quit,
                             StartTls,
                             Auth,
                             Xclient,
                             Xforward,
                             BadArguments,
                             UnknownCommand>;

/// Which ESMTP parameters MAIL and RCPT may carry here; any other gives Errc::unknown_parameter.
struct ParserOptions {
  bool smtputf8 = true;     ///< SMTPUTF8 is offered
  bool dsn = true;          ///< RET, ENVID, NOTIFY, ORCPT
  bool binarymime = false;  ///< BODY=BINARYMIME
  bool requiretls = false;
  bool auth = true;           ///< AUTH= on MAIL
  bool extended = true;       ///< false after HELO: no parameter at all
  bool mail_is_utf8 = false;  ///< the MAIL of this transaction said SMTPUTF8: RCPT may carry UTF-8
};

/// Parses one command line (without its CRLF). Never fails: what is wrong is part of the result.
/// No allocation; views point into `line`. A single space before the path in `MAIL FROM: <a@b>` is
/// tolerated, as every MTA does.
Command parse_command(std::string_view line, const ParserOptions& options);

std::string_view verb_name(Verb verb);
Verb verb_of(const Command& command);

}  // namespace postern::smtp
