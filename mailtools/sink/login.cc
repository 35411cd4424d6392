// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/login.h"

#include "auth/scram_keys.h"
#include "base/base64.h"

#include <algorithm>

namespace postern::sink {
namespace {

constexpr std::size_t kSaltOctets = 16;
constexpr std::size_t kNonceOctets = 18;

auth::ScramVerifier verifier_of(std::string_view password) {
  return auth::make_verifier(password, auth::random_octets(kSaltOctets), auth::kLeastIterations);
}

}  // namespace

Accounts::Accounts(const std::vector<Account>& accounts) {
  if (accounts.empty()) return;
  for (const Account& account : accounts)
    accounts_.push_back(Entry{account, verifier_of(account.password)});
  nobody_ = verifier_of(auth::random_octets(kSaltOctets));
}

bool Accounts::check(std::string_view user, std::string_view password) const {
  return std::any_of(accounts_.begin(), accounts_.end(), [&](const Entry& entry) {
    return entry.account.user == user && entry.account.password == password;
  });
}

const auth::ScramVerifier& Accounts::verifier(std::string_view user) const {
  for (const Entry& entry : accounts_)
    if (entry.account.user == user) return entry.verifier;
  return nobody_;
}

std::string Accounts::mechanisms(bool over_tls) const {
  if (accounts_.empty()) return {};
  return over_tls ? "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" : "SCRAM-SHA-256 PLAIN LOGIN";
}

Login::Login(const Accounts& accounts, std::string_view mechanism, const ChannelBindings& bindings)
    : accounts_(accounts) {
  auth::MechanismContext context;
  context.bindings = bindings;
  context.offered_plus = !bindings.empty();
  context.nonce = to_base64(auth::random_octets(kNonceOctets));
  mechanism_ = auth::make_mechanism(auth::canonical_mechanism(mechanism), std::move(context));
}

Login::Step Login::begin(std::optional<std::string_view> initial) {
  if (!mechanism_) return {Step::Kind::malformed, {}};
  return settle(mechanism_->begin(initial));
}

Login::Step Login::next(std::string_view response) {
  return settle(mechanism_->next(response));
}

/// Answers what the mechanism wants to know, until it has something for the client.
Login::Step Login::settle(auth::Mechanism::Step step) {
  using M = auth::Mechanism;
  for (;;) {
    if (auto* challenge = std::get_if<M::Challenge>(&step))
      return {Step::Kind::challenge, std::move(challenge->octets)};
    if (const auto* check = std::get_if<M::CheckPassword>(&step)) {
      step = mechanism_->checked(accounts_.check(check->name, check->password));
    } else if (const auto* want = std::get_if<M::WantVerifier>(&step)) {
      step = mechanism_->give(accounts_.verifier(want->name));
    } else if (std::holds_alternative<M::Done>(step)) {
      return {Step::Kind::succeeded, mechanism_->name()};
    } else {
      const bool malformed = std::get<M::Failed>(step).why == M::Failed::Why::malformed;
      return {malformed ? Step::Kind::malformed : Step::Kind::refused, {}};
    }
  }
}

}  // namespace postern::sink
