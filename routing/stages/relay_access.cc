// SPDX-License-Identifier: Apache-2.0
#include "routing/replies.h"
#include "routing/stages/builtin.h"

#include <fmt/format.h>

#include <cstddef>

namespace postern::routing::stages {
namespace {

/// R2: may a next hop take the local part for a route of its own (percent hack, bang path, `@` in
/// quotes)? postern never does; it passes such an address on as it is, so a stranger must not get
/// it through.
bool looks_routed(std::string_view local) {
  const auto has = [local](char c) { return local.find(c) != std::string_view::npos; };
  return has('%') || has('!') || has('@');
}

/// R1, R2, R3: who may send what. Nothing here depends on the sender's address, which anybody can
/// forge.
class RelayAccess final : public Stage {
 public:
  explicit RelayAccess(const Config& config) : config_(config) {
    for (const IpPrefix& prefix : config.allow_without_auth.prefixes()) {
      allowed_.push_back(
          fmt::format("the client is in relay.allow_without_auth ({})", prefix.str()));
    }
  }

  std::string_view name() const override { return "relay_access"; }

  Answer evaluate(const Progress& progress) const override {
    const Request& request = *progress.request;
    if (!request.identity.empty()) {
      return pass(fmt::format("authenticated as {}", request.identity));
    }
    const IpSet& allow = config_.allow_without_auth;
    if (const IpPrefix* prefix = allow.find(request.client)) {
      const auto place = static_cast<std::size_t>(prefix - allow.prefixes().data());
      return pass(Text::literal(allowed_[place]));
    }
    return of_stranger(progress);
  }

 private:
  static Verdict of_stranger(const Progress& progress) {
    if (progress.request->role == Role::submission) {
      return reject(replies::authentication_required(),
                    "a submission listener, and the client is neither authenticated nor in "
                    "relay.allow_without_auth (R3)"_text);
    }
    if (progress.domain == nullptr) {
      return reject(replies::relaying_denied(),
                    "the recipient's domain is not ours, and the client is neither authenticated "
                    "nor in relay.allow_without_auth (R2)"_text);
    }
    if (looks_routed(progress.recipient.local())) {
      return reject(replies::routed_local_part(),
                    "%, ! or @ in the local part: another server may take it for a route, and the "
                    "client may not relay (R2)"_text);
    }
    return pass("the recipient's domain is ours: accepted from anyone (R1)"_text);
  }

  const Config& config_;
  std::vector<std::string> allowed_;  ///< reasons, in the order of the list
};

}  // namespace

std::unique_ptr<Stage> make_relay_access(const StageSources& sources) {
  return std::make_unique<RelayAccess>(*sources.config);
}

}  // namespace postern::routing::stages
