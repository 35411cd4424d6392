// SPDX-License-Identifier: Apache-2.0
#include "gateway/authenticator.h"

#include "auth/mechanism.h"
#include "auth/scram_keys.h"

#include <algorithm>
#include <thread>

namespace postern::gateway {
namespace {

constexpr std::size_t kSecretOctets = 32;

/// Each thread that hashes needs a core, and 16 MiB for yescrypt.
auth::CheckPool::Options hashing_options() {
  auth::CheckPool::Options out;
  out.threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4);
  return out;
}

/// Threads that wait for an LDAP server or Dovecot, which holds failures back for seconds.
auth::CheckPool::Options asking_options() {
  auth::CheckPool::Options out;
  out.threads = 16;
  return out;
}

}  // namespace

Authenticator::Authenticator()
    : secret_(auth::random_octets(kSecretOctets)),
      hashing_(hashing_options()),
      asking_(asking_options()) {}

std::string usable_mechanisms(const Snapshot& snapshot,
                              const smtp::SessionFacts& session,
                              std::string_view configured) {
  const AuthFiles& files = snapshot.auth_files();
  const std::shared_ptr<const auth::AccountTable> accounts = files.accounts();
  // A client takes the strongest one that it knows: where that cannot succeed for everybody, it is
  // offered only if the config names it.
  const bool everybody = accounts != nullptr && accounts->all_have_verifiers();
  const bool named = !snapshot.config().auth.mechanisms.empty();
  std::string out;
  for (std::string_view rest = configured; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view name = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (auth::is_plus(name) && session.tls == nullptr) continue;
    if (auth::is_scram(name) && !everybody && (!named || accounts == nullptr)) continue;
    if (!out.empty()) out += ' ';
    out += name;
  }
  return out;
}

}  // namespace postern::gateway
