// SPDX-License-Identifier: Apache-2.0
#include "auth/dovecot_source.h"
#include "auth/mechanism.h"
#include "auth/pool_check.h"
#include "auth/scram_keys.h"
#include "base/base64.h"
#include "base/printable.h"
#include "gateway/authenticator.h"
#include "gateway/letter_parts.h"
#include "smtp/replies.h"

#include <algorithm>
#include <limits>

namespace postern::gateway {
namespace {

using auth::FailureGuard;
using auth::Mechanism;
using auth::PasswordVerdict;
using smtp::AuthStep;
using Verdict = FailureGuard::Verdict;

/// How long a session waits for a verdict: behind a full queue of others, on a slow machine.
constexpr std::chrono::seconds kCheckTime{25};
static_assert(kCheckTime > auth::DovecotSource::kLimit);
constexpr std::size_t kNonceOctets = 18;
constexpr std::size_t kShownName = 100;

class Exchange final : public smtp::AuthExchange {
 public:
  Exchange(std::shared_ptr<const Runtime> runtime,
           const smtp::SessionFacts& session,
           std::unique_ptr<Mechanism> mechanism,
           std::string mechanism_name,
           Authenticator& authenticator,
           const LetterLog& log)
      : runtime_(std::move(runtime)),
        session_(session),
        mechanism_(std::move(mechanism)),
        mechanism_name_(std::move(mechanism_name)),
        authenticator_(authenticator),
        log_(log),
        limits_(runtime_->config().auth.limits),
        exempt_(runtime_->config().routing.gateways.intermediate_mx.contains(session.client)) {
    // Behind a server of ours all clients have one address: only the account's limit is left.
    if (exempt_) limits_.per_client.count = std::numeric_limits<std::uint32_t>::max();
  }

  net::Awaitable<AuthStep> begin(std::optional<std::string> initial) override {
    const Verdict verdict = guard().ask(session_.client, limits_);
    if (verdict != Verdict::go) co_return refuse(verdict);
    Mechanism::Step step =
        mechanism_->begin(initial ? std::optional<std::string_view>(*initial) : std::nullopt);
    if (initial) auth::wipe(*initial);
    const AuthStep next = co_await proceed(std::move(step));
    co_return next;
  }

  net::Awaitable<AuthStep> next(std::string response) override {
    Mechanism::Step step = mechanism_->next(response);
    auth::wipe(response);
    const AuthStep next = co_await proceed(std::move(step));
    co_return next;
  }

  void abandoned(std::string_view why) override {
    attempt_->failed();
    tell("failed", why, mechanism_->name());
  }

 private:
  FailureGuard& guard() { return authenticator_.guard(); }

  /// Answers the mechanism's questions until the client has to say something, or all is said.
  net::Awaitable<AuthStep> proceed(Mechanism::Step step) {
    for (;;) {
      if (const auto* challenge = std::get_if<Mechanism::Challenge>(&step))
        co_return AuthStep::challenge(challenge->octets);
      if (std::holds_alternative<Mechanism::Done>(step)) co_return succeed();
      if (const auto* failed = std::get_if<Mechanism::Failed>(&step)) co_return fail(*failed);
      const Verdict may = guard().begin(session_.client, mechanism_->name(), limits_, *attempt_);
      if (may != Verdict::go) co_return refuse(may);
      counted_ = true;
      const AuthFiles& files = runtime_->snapshot->auth_files();
      if (auto* check = std::get_if<Mechanism::CheckPassword>(&step)) {
        const auth::PoolCheck asked = co_await ask(files.passwords(), std::move(*check));
        canonical_ = asked.checked.name;
        if (asked.is_late) co_return late();
        if (asked.checked.verdict == PasswordVerdict::unavailable)
          co_return unavailable("the password could not be checked");
        step = mechanism_->checked(asked.checked.verdict == PasswordVerdict::right);
      } else {
        const std::shared_ptr<const auth::AccountTable> accounts = files.accounts();
        if (!accounts) co_return unavailable("the accounts cannot be read");
        step =
            mechanism_->give(accounts->verifier_for(mechanism_->name(), authenticator_.secret()));
      }
    }
  }

  net::Awaitable<auth::PoolCheck> ask(std::shared_ptr<const auth::PasswordSource> source,
                                      Mechanism::CheckPassword check) {
    if (!source) co_return auth::PoolCheck{PasswordVerdict::unavailable};
    auth::Login login{
        check.name, std::move(check.password), session_.client, session_.tls != nullptr};
    auth::CheckPool& pool = authenticator_.pool_for(*source);
    // Whoever makes checks slow does not guess for free: the attempt is under way as long as it is.
    auto late = [attempt = attempt_](const auth::Checked& checked) {
      if (checked.verdict == PasswordVerdict::wrong) return attempt->failed(checked.name);
      attempt->unknown();
    };
    auth::PoolCheck out = co_await auth::check_in_pool(
        pool, std::move(source), std::move(login), kCheckTime, std::move(late));
    co_return out;
  }

  /// The client is who the store says, however it has written the name.
  AuthStep succeed() {
    const std::string account =
        auth::account_key(canonical_.empty() ? mechanism_->name() : canonical_);
    if (exempt_) {
      attempt_->unknown();
    } else {
      attempt_->succeeded(account);
    }
    tell("ok", {}, account);
    return AuthStep::succeeded(account, smtp::replies::authenticated());
  }

  AuthStep unavailable(std::string_view why) {
    attempt_->unknown();
    tell("unavailable", why, mechanism_->name());
    return AuthStep::failed(smtp::replies::auth_unavailable());
  }

  AuthStep late() {
    tell("unavailable", "the password could not be checked in time", mechanism_->name());
    return AuthStep::failed(smtp::replies::auth_unavailable());
  }

  AuthStep fail(const Mechanism::Failed& failed) {
    attempt_->failed(canonical_);
    tell("failed", failed.reason, mechanism_->name());
    if (!counted_ && failed.why == Mechanism::Failed::Why::malformed)
      return AuthStep::failed(smtp::replies::auth_malformed());
    // Whatever is wrong with a proof, the client is told the same.
    return AuthStep::failed(smtp::replies::auth_refused()).after(delay());
  }

  AuthStep refuse(Verdict verdict) {
    if (verdict == Verdict::is_busy) {
      tell("busy", "too many logins are under way", mechanism_->name());
      return AuthStep::failed(smtp::replies::auth_unavailable());
    }
    const bool of_client = verdict == Verdict::client_is_over;
    tell(of_client ? "limited_client" : "limited_account",
         of_client ? "too many failures of this client" : "too many failures of this account",
         mechanism_->name());
    return AuthStep::failed(of_client ? smtp::replies::too_many_auth_failures()
                                      : smtp::replies::account_under_attack())
        .after(delay());
  }

  /// Twice as long with each failure of the window.
  std::chrono::milliseconds delay() {
    std::chrono::milliseconds out = runtime_->config().auth.failure_delay;
    const std::uint32_t failures = exempt_ ? 1 : guard().failures(session_.client, limits_);
    for (std::uint32_t i = 1; i < failures && out < kMostFailureDelay; ++i)
      out *= 2;
    return std::min(out, kMostFailureDelay);
  }

  /// `outcome`: a word of postern_logins_total (docs/metrics.md).
  void tell(std::string_view outcome, std::string_view why, std::string_view account) const {
    SessionRecord record = record_of(session_);
    record.identity = {};
    record.event = outcome == "ok" ? "login" : "login_failed";
    record.outcome = outcome;
    record.command = mechanism_name_;
    record.account = printable(account, kShownName);
    record.why = why;
    log_.write(record);
  }

  const std::shared_ptr<const Runtime> runtime_;
  const smtp::SessionFacts& session_;
  const std::unique_ptr<Mechanism> mechanism_;
  const std::string mechanism_name_;
  Authenticator& authenticator_;
  const LetterLog& log_;
  auth::GuardLimits limits_;
  const bool exempt_;
  /// Shared with who still asks for a password when nobody waits any more.
  std::shared_ptr<FailureGuard::Attempt> attempt_ = std::make_shared<FailureGuard::Attempt>();
  bool counted_ = false;
  std::string canonical_;  ///< the account's name as the store has it; empty: it has told none
};

}  // namespace

std::unique_ptr<smtp::AuthExchange> make_exchange(std::shared_ptr<const Runtime> runtime,
                                                  const smtp::SessionFacts& session,
                                                  const smtp::AuthStart& start,
                                                  Authenticator& authenticator,
                                                  const LetterLog& log) {
  auth::MechanismContext context;
  context.bindings = start.bindings;
  context.offered_plus = start.offered_plus;
  context.nonce = to_base64(auth::random_octets(kNonceOctets));
  if (runtime->config().auth.accounts.empty() || context.nonce.empty()) return nullptr;
  std::string name = auth::canonical_mechanism(start.mechanism);
  std::unique_ptr<Mechanism> mechanism = auth::make_mechanism(name, std::move(context));
  if (!mechanism) return nullptr;
  return std::make_unique<Exchange>(
      std::move(runtime), session, std::move(mechanism), std::move(name), authenticator, log);
}

}  // namespace postern::gateway
