// SPDX-License-Identifier: Apache-2.0
#include "auth/mechanism.h"

#include "auth/scram_server.h"
#include "base/printable.h"

#include <algorithm>

namespace postern::auth {
namespace {

constexpr std::string_view kBadName = "no account name";
constexpr std::string_view kBadPassword = "an empty password, or none that can be";

/// RFC 4616: [authzid] NUL authcid NUL password, in one message.
class Plain final : public Mechanism {
 public:
  Step begin(std::optional<std::string_view> initial) override {
    if (initial) return next(*initial);
    return Challenge{};
  }

  Step next(std::string_view message) override {
    const std::size_t first = message.find('\0');
    if (first == std::string_view::npos) return malformed("no NUL in the message");
    const std::size_t second = message.find('\0', first + 1);
    if (second == std::string_view::npos) return malformed("one NUL alone in the message");
    const std::string_view acts_for = message.substr(0, first);
    const std::string_view name = message.substr(first + 1, second - first - 1);
    const std::string_view password = message.substr(second + 1);
    if (!is_account_name(name)) return malformed(kBadName);
    name_ = std::string(name);
    if (!acts_for.empty() && acts_for != name) return refused("it wants to act for somebody else");
    if (!is_password(password)) return refused(kBadPassword);
    return CheckPassword{name_, std::string(password)};
  }

  Step checked(bool is_right) override {
    if (is_right) return Done{};
    return refused("wrong name or password");
  }
};

/// The LOGIN mechanism, which no RFC has: two questions, whose text clients ignore.
class LoginMechanism final : public Mechanism {
 public:
  Step begin(std::optional<std::string_view> initial) override {
    if (initial) return next(*initial);
    return Challenge{"Username:"};
  }

  Step next(std::string_view message) override {
    if (name_.empty()) {
      if (!is_account_name(message)) return malformed(kBadName);
      name_ = std::string(message);
      return Challenge{"Password:"};
    }
    if (!is_password(message)) return refused(kBadPassword);
    return CheckPassword{name_, std::string(message)};
  }

  Step checked(bool is_right) override {
    if (is_right) return Done{};
    return refused("wrong name or password");
  }
};

}  // namespace

Mechanism::Step Mechanism::checked(bool) {
  return malformed("nothing was to be checked");
}

Mechanism::Step Mechanism::give(const ScramVerifier&) {
  return malformed("no verifier was asked for");
}

const std::vector<std::string>& mechanism_names() {
  static const std::vector<std::string> all{
      "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"};
  return all;
}

std::string canonical_mechanism(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  const std::vector<std::string>& all = mechanism_names();
  return std::find(all.begin(), all.end(), upper) != all.end() ? upper : std::string();
}

bool is_scram(std::string_view canonical) {
  return canonical.starts_with("SCRAM-");
}

bool is_plus(std::string_view canonical) {
  return canonical.ends_with("-PLUS");
}

std::unique_ptr<Mechanism> make_mechanism(std::string_view canonical, MechanismContext context) {
  if (canonical == "PLAIN") return std::make_unique<Plain>();
  if (canonical == "LOGIN") return std::make_unique<LoginMechanism>();
  if (canonical == "SCRAM-SHA-256" || canonical == "SCRAM-SHA-256-PLUS")
    return std::make_unique<ScramServer>(is_plus(canonical), std::move(context));
  return nullptr;
}

bool is_account_name(std::string_view name) {
  return !name.empty() && name.size() <= kMostName &&
         name.find_first_of(" :") == std::string_view::npos && printable(name, kMostName) == name;
}

bool is_password(std::string_view password) {
  return !password.empty() && password.size() <= kMostPassword &&
         password.find('\0') == std::string_view::npos;
}

}  // namespace postern::auth
