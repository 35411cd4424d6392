// SPDX-License-Identifier: Apache-2.0
#include "tls/error.h"

#include <openssl/err.h>

#include <system_error>

namespace postern::tls {
namespace {

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }

  std::string message(int value) const override {
    const auto packed = static_cast<unsigned long>(static_cast<unsigned>(value));
    if (ERR_SYSTEM_ERROR(packed)) {
      return std::generic_category().message(static_cast<int>(ERR_GET_REASON(packed)));
    }
    const char* const reason = ERR_reason_error_string(packed);
    return reason != nullptr ? reason : "TLS failed without a reason given";
  }
};

}  // namespace

const boost::system::error_category& category() {
  static const Category instance;
  return instance;
}

net::error_code take_error() {
  const unsigned long packed = ERR_get_error();
  ERR_clear_error();
  // Zero would be success: an error of the SSL library with reason 0 has no words, as intended.
  const unsigned long value = packed != 0 ? packed : ERR_PACK(ERR_LIB_SSL, 0, 0);
  return {static_cast<int>(static_cast<unsigned>(value)), category()};
}

std::string take_error_text() {
  return take_error().message();
}

}  // namespace postern::tls
