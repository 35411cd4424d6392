// SPDX-License-Identifier: Apache-2.0
// A client's messages to each mechanism, and lines of an accounts file.
#include "auth/account_table.h"
#include "auth/client_mechanism.h"
#include "auth/mechanism.h"
#include "base/base64.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace postern::auth;

/// Runs an exchange of which the input is the client; nobody may get in.
void attack(const std::string& name, std::string_view input) {
  MechanismContext context;
  context.nonce = "server";
  context.bindings.push_back(postern::ChannelBinding{"tls-exporter", "octets"});
  const auto mechanism = make_mechanism(name, std::move(context));
  const auto take = [&input] {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    return line;
  };
  const ScramVerifier verifier = make_verifier("not to be guessed", "salt", 1);
  Mechanism::Step step = mechanism->begin(take());
  for (int i = 0; i < 10; ++i) {
    if (std::holds_alternative<Mechanism::Done>(step)) std::abort();
    if (std::holds_alternative<Mechanism::Failed>(step)) return;
    if (const auto* check = std::get_if<Mechanism::CheckPassword>(&step)) {
      if (!is_account_name(check->name) || !is_password(check->password)) std::abort();
      step = mechanism->checked(false);
    } else if (const auto* want = std::get_if<Mechanism::WantVerifier>(&step)) {
      if (!is_account_name(want->name)) std::abort();
      step = mechanism->give(verifier);
    } else {
      step = mechanism->next(take());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const std::string& name : mechanism_names())
    attack(name, input);
  const auto decoded = postern::from_base64(input);
  if (decoded && postern::to_base64(*decoded) != input) std::abort();
  if (const auto verifier = parse_verifier(input)) {
    if (parse_verifier(format_verifier(*verifier)) != verifier) std::abort();
  }
  AccountTable table;
  table.add_line(input);
  return table.size() + table.ignored() <= 1 ? 0 : 1;
}
