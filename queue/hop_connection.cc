// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_connection.h"

#include "base/endpoint_text.h"
#include "queue/hop_pool_impl.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace postern::queue {
namespace {

/// Null: the authorities cannot be read, and a handshake that must be fails.
std::shared_ptr<const tls::Context> verifying(const HopPoolConfig& config, const std::string& ca) {
  if (!config.verifying) return nullptr;
  auto context = config.verifying->get(ca);
  if (context) return *context;
  spdlog::error("TLS towards next hops: {}: {}", context.error().file, context.error().message);
  return nullptr;
}

}  // namespace

void set_tls(const HopPoolConfig& config, const Candidate& to, smtp::ClientOptions& options) {
  const TlsPlan& plan = *to.tls;
  options.tls = config.tls;
  std::shared_ptr<const tls::PeerCheck> check = plan.check;
  if (check) {
    std::shared_ptr<const tls::Context> context = verifying(config, plan.ca);
    // Where nothing must be verified, TLS without is better than plain text.
    if (!context && !check->must) check = nullptr;
    if (check) options.tls = std::move(context);
  }
  if (plan.level == smtp::ClientProfile::Tls::none) return;
  options.tls_terms.server_name = plan.sni.empty() ? to.host : plan.sni;
  options.tls_terms.check = std::move(check);
  std::string& key = options.tls_terms.session_key;
  key = plan.key + ' ' + to.host + ' ' + endpoint_text(to.endpoint);
  // Authorities that were read anew verify anew.
  if (options.tls) key.append(" ").append(std::to_string(options.tls->number()));
}

bool HopConnection::may_go_on(net::TimePoint now) const {
  const routing::NextHopLimits& limits = candidate.limits;
  const std::uint64_t said = session.dialogue().capabilities().mail_max.value_or(UINT64_MAX);
  return !session.failure() &&
         messages < std::min<std::uint64_t>(limits.messages_per_connection, said) &&
         now - born < limits.connection_lifetime;
}

std::string HopConnection::address() const {
  return endpoint_text(candidate.endpoint);
}

HopLease::HopLease(std::shared_ptr<HopPool::Impl> pool, std::unique_ptr<HopConnection> connection)
    : pool_(std::move(pool)), connection_(std::move(connection)) {}

HopLease::~HopLease() {
  drop();
}

HopLease& HopLease::operator=(HopLease&& other) noexcept {
  if (this == &other) return *this;
  drop();
  pool_ = std::move(other.pool_);
  connection_ = std::move(other.connection_);
  return *this;
}

void HopLease::keep() {
  if (connection_) pool_->keep(std::move(connection_));
  connection_.reset();
  pool_.reset();
}

void HopLease::drop() {
  if (connection_) pool_->drop(std::move(connection_));
  connection_.reset();
  pool_.reset();
}

}  // namespace postern::queue
