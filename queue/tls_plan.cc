// SPDX-License-Identifier: Apache-2.0
#include "queue/tls_plan.h"

#include "dns/name.h"

#include <string_view>
#include <utility>

namespace postern::queue {
namespace {

using routing::TlsLevel;
using Level = smtp::ClientProfile::Tls;

/// Parts may hold any octet: each is told by its length.
void append_part(std::string_view part, std::string& out) {
  out.append(std::to_string(part.size())).append(":").append(part);
}

std::string key_of(const TlsPlan& plan) {
  std::string out(plan.level == Level::none  ? "none"
                  : plan.level == Level::may ? "may"
                                             : "encrypt");
  if (!plan.sni.empty()) append_part(plan.sni, out.append(" sni="));
  if (!plan.check) return out;
  const tls::PeerCheck& check = *plan.check;
  out.append(check.must ? " must" : " told");
  if (check.chain) append_part(plan.ca, out.append(" chain="));
  for (const std::string& name : check.names)
    append_part(name, out.append(" name="));
  for (const std::string& pin : check.pins)
    append_part(pin, out.append(" pin="));
  for (const TlsaRecord& record : check.tlsa) {
    out.append(" tlsa=").append(std::to_string(record.usage));
    out.append(",").append(std::to_string(record.selector));
    out.append(",").append(std::to_string(record.matching)).append(",");
    append_part(record.data, out);
  }
  return out;
}

tls::PeerCheck check_of(const TlsQuestion& question) {
  const routing::TlsSettings& settings = question.settings;
  tls::PeerCheck out;
  out.pins = settings.pins;
  out.chain = settings.pins.empty();
  out.names = settings.names;
  if (out.names.empty()) out.names.push_back(question.host);
  return out;
}

/// The certificate proves who the server is. Whether it is one that the domain's mail goes to is
/// another matter: the config says so, or DNSSEC (RFC 8689 section 4.2.1).
bool is_meant(const TlsQuestion& question) {
  const routing::TlsSettings& settings = question.settings;
  return question.domain.empty() || question.secure_mx || !settings.names.empty() ||
         !settings.pins.empty();
}

TlsPlan plan_verified(const TlsQuestion& question) {
  TlsPlan out = plan_with(question, Level::encrypt, check_of(question));
  out.secure = is_meant(question);
  return out;
}

TlsPlanPtr common(Level level) {
  TlsPlan plan;
  plan.level = level;
  plan.key = key_of(plan);
  return std::make_shared<const TlsPlan>(std::move(plan));
}

}  // namespace

std::string name_in_tls(const std::string& host) {
  return dns::query_name(host).value_or(host);
}

TlsQuestion question_about(const routing::HostSpec& host, const dns::Target& target) {
  TlsQuestion out;
  if (host.mx) out.domain = host.host;
  out.host = name_in_tls(target.host);
  out.port = target.endpoint.port();
  out.secure_mx = target.secure_mx;
  out.secure_host = target.secure_host;
  out.canonical = name_in_tls(target.canonical);
  out.secure_alias = target.secure_alias;
  return out;
}

TlsPlanPtr common_plan(TlsLevel level, const routing::TlsSettings& settings) {
  static const TlsPlanPtr none = common(Level::none);
  static const TlsPlanPtr may = common(Level::may);
  static const TlsPlanPtr encrypt = common(Level::encrypt);
  if (level == TlsLevel::none) return none;
  if (!settings.names.empty()) return nullptr;
  if (level == TlsLevel::may) return may;
  return level == TlsLevel::encrypt ? encrypt : nullptr;
}

TlsPlan plan_with(const TlsQuestion& question, Level level, std::optional<tls::PeerCheck> check) {
  TlsPlan out;
  out.level = level;
  out.ca = question.settings.ca;
  if (level != Level::none && !question.settings.names.empty()) {
    out.sni = question.settings.names.front();
  }
  if (check) out.check = std::make_shared<const tls::PeerCheck>(std::move(*check));
  out.key = key_of(out);
  return out;
}

TlsPlan plan_opportunistic(TlsQuestion question) {
  question.level = TlsLevel::may;
  return *plan_at_once(question);
}

TlsPlan plan_refusal(tls::Failure failure, smtp::Reply reply) {
  TlsPlan out;
  out.level = Level::encrypt;
  out.failure = failure;
  out.refusal = std::move(reply);
  return out;
}

smtp::Reply not_secure(const TlsQuestion& question, std::string_view sentence) {
  std::string text = "next hop " + question.host + ": ";
  text.append(sentence);
  return smtp::Reply(451, {4, 7, 5}, std::move(text));
}

std::optional<TlsPlan> plan_at_once(const TlsQuestion& question) {
  switch (question.level) {
    case TlsLevel::none:
      return plan_with(question, Level::none, std::nullopt);
    case TlsLevel::may:
    case TlsLevel::encrypt:
      // RFC 8689 section 4.2.1: the message itself demands a server that is verified.
      if (question.require_tls && is_meant(question)) return plan_verified(question);
      return plan_with(
          question, question.level == TlsLevel::may ? Level::may : Level::encrypt, std::nullopt);
    case TlsLevel::verify:
      return plan_verified(question);
    case TlsLevel::dane:
    case TlsLevel::dane_only:
    case TlsLevel::sts:
      break;
  }
  return std::nullopt;
}

net::Awaitable<TlsPlan> plan_tls(TlsPlanners planners, TlsQuestion question) {
  std::optional<TlsPlan> at_once = plan_at_once(question);
  if (at_once) co_return std::move(*at_once);
  if (question.level == TlsLevel::sts) {
    co_return co_await plan_sts(planners, std::move(question));
  }
  co_return co_await plan_dane(planners, std::move(question));
}

}  // namespace postern::queue
