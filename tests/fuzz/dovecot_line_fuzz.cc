// SPDX-License-Identifier: Apache-2.0
// A line of Dovecot's auth server.
#include "auth/dovecot_source.h"
#include "auth/mechanism.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using postern::auth::DovecotLine;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const DovecotLine meant = postern::auth::read_dovecot_line(line);
  if (meant == DovecotLine::right && !line.starts_with("OK\t1")) std::abort();
  const std::string user = postern::auth::dovecot_user(line);
  if (!user.empty() && !postern::auth::is_account_name(user)) std::abort();
  return 0;
}
