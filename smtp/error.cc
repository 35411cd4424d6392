// SPDX-License-Identifier: Apache-2.0
#include "smtp/error.h"

#include <string>

namespace postern::smtp {
namespace {

const char* sentence(Errc code) {
  switch (code) {
    case Errc::empty_path:
      return "an address is needed here";
    case Errc::missing_brackets:
      return "the address must stand in <>";
    case Errc::bad_local_part:
      return "the local part is not valid";
    case Errc::bad_domain:
      return "the domain is not valid";
    case Errc::bad_address_literal:
      return "the address literal is not valid";
    case Errc::bad_source_route:
      return "the source route is not valid";
    case Errc::local_part_too_long:
      return "the local part is over 64 octets";
    case Errc::domain_too_long:
      return "the domain is over 255 octets";
    case Errc::path_too_long:
      return "the path is over 256 octets";
    case Errc::needs_smtputf8:
      return "an address beyond ASCII needs SMTPUTF8";
    case Errc::bad_utf8:
      return "the address is not valid UTF-8";
    case Errc::unknown_parameter:
      return "the parameter is not known here";
    case Errc::duplicate_parameter:
      return "the parameter is given twice";
    case Errc::bad_parameter_value:
      return "the parameter's value is not valid";
    case Errc::missing_argument:
      return "an argument is missing";
    case Errc::unexpected_argument:
      return "no argument is allowed here";
    case Errc::control_character:
      return "a control character is not allowed here";
    case Errc::bad_reply:
      return "the reply is not SMTP";
    case Errc::reply_too_long:
      return "the reply is too long";
    case Errc::closed_by_peer:
      return "the connection was closed by the peer";
    case Errc::timed_out:
      return "the time limit passed";
  }
  return "unknown SMTP error";
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "smtp"; }
  std::string message(int value) const override { return sentence(static_cast<Errc>(value)); }
};

}  // namespace

const std::error_category& category() {
  static const Category instance;
  return instance;
}

std::error_code make_error_code(Errc code) {
  return {static_cast<int>(code), category()};
}

}  // namespace postern::smtp
