// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_search.h"

#include "base/ip.h"
#include "queue/failure_policy.h"
#include "queue/hop_order.h"
#include "queue/hop_pool_impl.h"

#include <algorithm>
#include <string>
#include <utility>

namespace postern::queue {
namespace {

using Outcome = dns::Targets::Outcome;

smtp::Reply reply(int code, smtp::EnhancedStatus status, std::string text) {
  return smtp::Reply(code, status, std::move(text));
}

/// For the MX of a domain that a message is for: facts of DNS are final (RFC 5321 5.1, RFC 7505).
smtp::Reply domain_reply(const std::string& domain, const dns::Targets& targets) {
  switch (targets.outcome) {
    case Outcome::null_mx:
      return reply(556, {5, 1, 10}, "the domain " + domain + " accepts no mail");
    case Outcome::no_domain:
      return reply(550, {5, 1, 2}, "the domain " + domain + " does not exist");
    case Outcome::no_address:
      return reply(550, {5, 4, 4}, "no mail server of " + domain + " has an address");
    case Outcome::found:
    case Outcome::unknown:
      break;
  }
  return reply(451, {4, 4, 3}, "DNS does not answer for " + domain);
}

/// For a host that the config names: whatever DNS says, it is ours to mend, and no fault of the
/// message.
smtp::Reply hop_reply(const routing::NextHop& hop, const dns::Targets& targets) {
  if (targets.outcome == Outcome::unknown) {
    return reply(451, {4, 4, 3}, "DNS does not answer for a host of next hop " + hop.name);
  }
  return reply(451, {4, 3, 5}, "next hop " + hop.name + " has a host without an address");
}

}  // namespace

HopSearch::HopSearch(std::shared_ptr<HopPool::Impl> pool,
                     const routing::Target& target,
                     TlsAsked asked)
    : pool_(std::move(pool)),
      mx_policy_(target.tls_policy),
      asked_(asked),
      give_up_at_(net::Clock::now() + pool_->config.search_limit) {
  for (const routing::NextHop* hop : target.hops)
    list_hosts(*hop);
  if (target.hops.empty()) {
    routing::HostSpec domain;
    domain.host = target.mx_domain;
    domain.port = pool_->config.mx_port;
    domain.mx = true;
    specs_.push_back(Spec{nullptr, std::move(domain)});
  }
}

void HopSearch::list_hosts(const routing::NextHop& hop) {
  if (!hop.weighted) {
    for (const routing::HostSpec& host : hop.hosts)
      specs_.push_back(Spec{&hop, host});
    return;
  }
  const auto draw = [this](std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(0, most)(pool_->random);
  };
  for (const routing::HostSpec* host : in_order(hop.hosts, draw))
    specs_.push_back(Spec{&hop, *host});
}

net::Awaitable<Found> HopSearch::next() {
  Found found;
  while (!found.lease) {
    const bool out_of_time = net::Clock::now() >= give_up_at_;
    if (out_of_time || !hosts_left()) {
      found.refusal = refusal();
      found.host = last_host_;
      break;
    }
    std::optional<Candidate> candidate = take();
    if (candidate) {
      found.lease = co_await connect(std::move(*candidate));
    } else if (!busy_.empty() && hop_is_done()) {
      found.lease = co_await wait();
    } else if (next_spec_ < specs_.size()) {
      const Spec spec = specs_[next_spec_];
      ++next_spec_;
      co_await resolve(spec);
    } else {
      take_avoided();
    }
  }
  co_return found;
}

bool HopSearch::hosts_left() const {
  return !ready_.empty() || !busy_.empty() || !avoided_.empty() || next_spec_ < specs_.size();
}

/// No host of the busy one's next hop and priority is left to ask for: time to wait rather than go
/// elsewhere. A host of a higher number is for when none of the lower answers (RFC 2782).
bool HopSearch::hop_is_done() const {
  if (next_spec_ >= specs_.size() || next_spec_ == 0) return true;
  const Spec& last = specs_[next_spec_ - 1];
  const Spec& next = specs_[next_spec_];
  if (next.hop != last.hop) return true;
  return next.hop != nullptr && next.hop->weighted && next.host.priority != last.host.priority;
}

void HopSearch::again(Candidate candidate) {
  candidate.fresh = true;
  ready_.push_front(std::move(candidate));
}

std::optional<Candidate> HopSearch::take() {
  if (ready_.empty()) return std::nullopt;
  Candidate out = std::move(ready_.front());
  ready_.pop_front();
  return out;
}

void HopSearch::take_avoided() {
  std::stable_sort(avoided_.begin(), avoided_.end(), [](const Avoided& a, const Avoided& b) {
    return a.until < b.until;
  });
  for (Avoided& one : std::exchange(avoided_, {}))
    ready_.push_back(std::move(one.candidate));
}

net::Awaitable<dns::Targets> HopSearch::ask_dns(const routing::HostSpec& host) {
  if (host.mx) return dns::mail_targets(pool_->resolver, host.host, host.port, pool_->random);
  return dns::host_targets(pool_->resolver, host.host, host.port);
}

net::Awaitable<void> HopSearch::resolve(Spec spec) {
  dns::Targets targets;
  const std::optional<IpAddress> literal = parse_ip(spec.host.host);
  if (literal && !spec.host.mx) {
    const net::Endpoint endpoint(*literal, spec.host.port);
    targets.targets.push_back(dns::Target{spec.host.host, endpoint, true, false});
  } else {
    targets = co_await ask_dns(spec.host);
  }
  if (targets.outcome != Outcome::found || targets.targets.empty()) {
    explain(spec, targets);
    co_return;
  }
  for (const dns::Target& target : targets.targets) {
    if (is_own(target.endpoint)) {
      own_ = true;
      // What is behind us in a list of MX hosts would send the message back to us.
      if (spec.host.mx) break;
      continue;
    }
    add(spec, target);
  }
}

void HopSearch::add(const Spec& spec, const dns::Target& target) {
  Candidate out;
  out.host = name_in_tls(target.host);
  out.endpoint = target.endpoint;
  out.label = target.host;
  if (spec.hop != nullptr) {
    out.label = spec.hop->name;
    out.login = spec.hop->login;
    out.chunking = spec.hop->chunking;
    out.limits = spec.hop->limits;
    out.use = HostUse{spec.hop->name, spec.host.str()};
  }
  set_tls(spec, target, out);
  const net::TimePoint until = pool_->avoided_until(out.endpoint);
  if (until == net::TimePoint()) {
    ready_.push_back(std::move(out));
  } else {
    avoided_.push_back(Avoided{until, std::move(out)});
  }
}

void HopSearch::set_tls(const Spec& spec, const dns::Target& target, Candidate& out) const {
  routing::TlsLevel level = routing::TlsLevel::may;
  static const routing::TlsSettings kNothing;
  const routing::TlsSettings* settings = &kNothing;
  if (spec.hop != nullptr) {
    level = spec.hop->tls;
    settings = &spec.hop->tls_settings;
  } else if (mx_policy_ != nullptr) {
    level = mx_policy_->tls;
    settings = &mx_policy_->settings;
  }
  // A password goes to none but the server that the config means, whoever's message it is.
  out.tls_waived = asked_ == TlsAsked::not_required && out.login.user.empty() &&
                   routing::yields_to_sender(level, *settings);
  if (out.tls_waived) level = routing::TlsLevel::may;
  const bool require_tls = asked_ == TlsAsked::required;
  if (!require_tls) out.tls = common_plan(level, *settings);
  if (out.tls) return;
  TlsQuestion question = question_about(spec.host, target);
  question.level = level;
  question.settings = *settings;
  question.require_tls = require_tls;
  out.tls_question = std::make_shared<const TlsQuestion>(std::move(question));
}

net::Awaitable<TlsPlanPtr> HopSearch::plan(std::shared_ptr<const TlsQuestion> question) {
  const TlsPlanners planners{&pool_->resolver, pool_->config.sts.get()};
  TlsPlan made = co_await plan_tls(planners, *question);
  co_return std::make_shared<const TlsPlan>(std::move(made));
}

void HopSearch::note_lack(smtp::Reply reply) {
  if (verdict_ && !verdict_->is_permanent()) return;
  note(std::move(reply));
}

void HopSearch::explain(const Spec& spec, const dns::Targets& targets) {
  dns_verdict_ =
      spec.hop == nullptr ? domain_reply(spec.host.host, targets) : hop_reply(*spec.hop, targets);
}

bool HopSearch::is_own(const net::Endpoint& endpoint) const {
  const std::vector<net::Endpoint>& own = pool_->config.own_endpoints;
  return std::find(own.begin(), own.end(), endpoint) != own.end();
}

net::Awaitable<HopLease> HopSearch::connect(Candidate to) {
  if (!to.tls) {
    to.tls = co_await plan(std::exchange(to.tls_question, nullptr));
    if (to.tls->refusal) {
      pool_->tell_tls(*to.tls);
      note(*to.tls->refusal);
      co_return HopLease();
    }
  }
  if (!to.fresh) {
    std::unique_ptr<HopConnection> kept = pool_->take_idle(to);
    if (kept) co_return HopLease(pool_, std::move(kept));
  }
  if (!pool_->reserve(to)) {
    busy_.push_back(std::move(to));
    co_return HopLease();
  }
  HopLease lease = co_await open(std::move(to));
  co_return lease;
}

net::Awaitable<HopLease> HopSearch::wait() {
  Candidate to = std::move(busy_.front());
  busy_.clear();
  HopPool::Impl::Granted granted = co_await HopPool::Impl::wait_for_place(pool_, to);
  if (granted.lease) co_return std::move(granted.lease);
  if (!granted.place) {
    note(reply(451, {4, 4, 5}, "next hop " + to.label + ": all its connections are busy"));
    co_return HopLease();
  }
  HopLease lease = co_await open(std::move(to));
  co_return lease;
}

smtp::Reply HopSearch::refusal() const {
  if (verdict_) return *verdict_;
  if (own_) return reply(554, {5, 4, 6}, "mail loop: the way leads back to this gateway");
  if (dns_verdict_) return *dns_verdict_;
  return reply(451, {4, 4, 1}, "no host of the next hop answers");
}

}  // namespace postern::queue
