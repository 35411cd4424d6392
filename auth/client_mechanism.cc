// SPDX-License-Identifier: Apache-2.0
#include "auth/client_mechanism.h"

#include "auth/scram_server.h"
#include "base/base64.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace postern::auth {
namespace {

/// An io thread computes them, for a server that nobody has vetted: a quarter of a second or so.
constexpr std::uint32_t kMostIterationsOfAServer = 600'000;

using Answer = Result<std::string, std::string>;

Answer refuse(std::string why) {
  return Answer(boost::system::in_place_error, std::move(why));
}
Answer say(std::string what) {
  return Answer(boost::system::in_place_value, std::move(what));
}

class PlainClient final : public ClientMechanism {
 public:
  explicit PlainClient(Credentials credentials) : credentials_(std::move(credentials)) {}
  std::string begin() override {
    std::string out;
    out += '\0';
    out += credentials_.name;
    out += '\0';
    out += credentials_.password;
    return out;
  }
  Answer next(std::string_view) override { return refuse("a challenge that PLAIN does not have"); }
  bool is_satisfied() const override { return true; }

 private:
  const Credentials credentials_;
};

class LoginClient final : public ClientMechanism {
 public:
  explicit LoginClient(Credentials credentials) : credentials_(std::move(credentials)) {}
  std::string begin() override { return credentials_.name; }
  Answer next(std::string_view) override {
    if (std::exchange(said_, true)) return refuse("a third question, which LOGIN does not have");
    return say(credentials_.password);
  }
  bool is_satisfied() const override { return true; }

 private:
  const Credentials credentials_;
  bool said_ = false;
};

/// RFC 5802 section 5.
class ScramClient final : public ClientMechanism {
 public:
  ScramClient(bool plus, Credentials credentials, MechanismContext context)
      : credentials_(std::move(credentials)), context_(std::move(context)) {
    if (plus && !context_.bindings.empty()) {
      header_ = fmt::format("p={},,", context_.bindings.front().type);
      bound_ = header_ + context_.bindings.front().data;
    } else {
      header_ = context_.offered_plus || context_.bindings.empty() ? "n,," : "y,,";
      bound_ = header_;
    }
  }

  std::string begin() override {
    bare_ = fmt::format("n={},r={}", encode_saslname(credentials_.name), context_.nonce);
    return header_ + bare_;
  }

  Answer next(std::string_view challenge) override {
    if (signature_.empty()) return on_first(challenge);
    if (challenge != "v=" + to_base64(signature_)) return refuse("it does not know the password");
    satisfied_ = true;
    return say({});
  }
  bool is_satisfied() const override { return satisfied_; }

 private:
  Answer on_first(std::string_view challenge) {
    const std::size_t salt_at = challenge.find(",s=");
    const std::size_t count_at = challenge.find(",i=", salt_at == challenge.npos ? 0 : salt_at);
    if (!challenge.starts_with("r=") || salt_at == challenge.npos || count_at == challenge.npos)
      return refuse("no challenge of SCRAM");
    const std::string_view nonce = challenge.substr(2, salt_at - 2);
    const auto salt = from_base64(challenge.substr(salt_at + 3, count_at - salt_at - 3));
    std::string_view count = challenge.substr(count_at + 3);
    count = count.substr(0, count.find(','));
    std::uint32_t iterations = 0;
    const auto [end, ec] = std::from_chars(count.begin(), count.end(), iterations);
    const bool counted = ec == std::errc() && end == count.end();
    if (!salt || !counted || !nonce.starts_with(context_.nonce) || nonce == context_.nonce)
      return refuse("no challenge of SCRAM");
    if (iterations < kLeastIterations || iterations > kMostIterationsOfAServer)
      return refuse("too few iterations, or too many");
    const std::string without_proof = fmt::format("c={},r={}", to_base64(bound_), nonce);
    const std::string all = fmt::format("{},{},{}", bare_, challenge, without_proof);
    std::string salted = salted_password(credentials_.password, *salt, iterations);
    const std::string client_key = hmac_sha256(salted, "Client Key");
    const std::string proof = exclusive_or(client_key, hmac_sha256(sha256(client_key), all));
    signature_ = hmac_sha256(hmac_sha256(salted, "Server Key"), all);
    wipe(salted);
    return say(fmt::format("{},p={}", without_proof, to_base64(proof)));
  }

  const Credentials credentials_;
  const MechanismContext context_;
  std::string header_;
  std::string bound_;
  std::string bare_;
  std::string signature_;  ///< what the server must say; empty: its challenge has not come
  bool satisfied_ = false;
};

}  // namespace

std::unique_ptr<ClientMechanism> make_client_mechanism(std::string_view canonical,
                                                       Credentials credentials,
                                                       MechanismContext context) {
  if (canonical == "PLAIN") return std::make_unique<PlainClient>(std::move(credentials));
  if (canonical == "LOGIN") return std::make_unique<LoginClient>(std::move(credentials));
  if (!is_scram(canonical) || canonical_mechanism(canonical).empty()) return nullptr;
  return std::make_unique<ScramClient>(
      is_plus(canonical), std::move(credentials), std::move(context));
}

}  // namespace postern::auth
