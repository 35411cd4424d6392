// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_report.h"

#include "gateway/control_filter.h"
#include "routing/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

namespace postern::gateway {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(spool::Fate fate) {
  switch (fate) {
    case spool::Fate::pending:
      return "pending";
    case spool::Fate::delivered:
      return "delivered";
    case spool::Fate::failed:
      return "failed";
    case spool::Fate::discarded:
      return "discarded";
  }
  return "pending";
}

std::string_view name_of(spool::Health health) {
  switch (health) {
    case spool::Health::good:
      return "good";
    case spool::Health::full:
      return "full";
    case spool::Health::failed:
      return "failed";
  }
  return "failed";
}

std::int64_t seconds(spool::WallTime::duration time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

Json recipient_of(const spool::Recipient& r, spool::WallTime now) {
  Json out;
  out["address"] = r.address.address.text();
  if (r.copy != 0) {
    out["copy"] = routing::copy_name(static_cast<routing::CopyKind>(r.copy));
    out["copy_of"] = r.copy_of.text();
  }
  out["fate"] = name_of(r.fate);
  out["lane"] = r.lane;
  out["attempts"] = r.attempts;
  if (r.fate == spool::Fate::pending) {
    out["next_try"] = utc(r.due);
    out["next_try_seconds"] = seconds(r.due - now);
  }
  if (r.last_reply.code() != 0) out["last_reply"] = r.last_reply.line();
  if (!r.last_host.empty()) out["last_host"] = r.last_host;
  return out;
}

Json head_of(spool::MessageId id, const spool::Envelope& envelope, spool::WallTime now) {
  Json out;
  out["id"] = id.str();
  out["state"] = name_of(state_of(envelope));
  out["received"] = utc(envelope.received);
  out["age_seconds"] = seconds(now - envelope.received);
  out["size"] = envelope.octets;
  out["sender"] = envelope.sender.path.text();
  return out;
}

}  // namespace

std::string utc(spool::WallTime time) {
  const std::time_t at = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                     parts.tm_year + 1900,
                     parts.tm_mon + 1,
                     parts.tm_mday,
                     parts.tm_hour,
                     parts.tm_min,
                     parts.tm_sec);
}

Json summary_of(spool::MessageId id,
                const spool::Envelope& envelope,
                const std::vector<std::uint32_t>& recipients,
                spool::WallTime now) {
  Json out = head_of(id, envelope, now);
  Json list = Json::array();
  for (const std::uint32_t index : recipients)
    list.push_back(recipient_of(envelope.recipients[index], now));
  out["recipients"] = std::move(list);
  return out;
}

Json details_of(spool::MessageId id, const spool::Envelope& envelope, spool::WallTime now) {
  Json out = head_of(id, envelope, now);
  const smtp::MailParameters& mail = envelope.sender.parameters;
  if (!mail.envid.empty()) out["envid"] = mail.envid;
  if (mail.ret != smtp::Ret::unspecified) {
    out["ret"] = mail.ret == smtp::Ret::full ? "FULL" : "HDRS";
  }
  if (mail.smtputf8) out["smtputf8"] = true;
  if (mail.requiretls) out["requiretls"] = true;
  if (envelope.tls_not_required) out["tls_required"] = "no";
  const spool::Origin& origin = envelope.origin;
  Json from;
  from["client"] = origin.client.to_string();
  from["helo"] = origin.helo;
  from["listener"] = origin.listener;
  if (!origin.identity.empty()) from["auth"] = origin.identity;
  from["tls"] = origin.tls;
  out["origin"] = std::move(from);
  Json list = Json::array();
  for (const spool::Recipient& r : envelope.recipients) {
    Json one = recipient_of(r, now);
    one["warned"] = r.warned;
    Json tries = Json::array();
    for (const spool::PastTry& past : r.past)
      tries.push_back({
          {"at",    utc(past.at)},
          {"host",  past.host   },
          {"reply", past.said   }
      });
    if (!tries.empty()) one["tries"] = std::move(tries);
    list.push_back(std::move(one));
  }
  out["recipients"] = std::move(list);
  return out;
}

std::vector<queue::Engine::LaneStats> merged(std::vector<queue::Engine::LaneStats> lanes) {
  std::sort(
      lanes.begin(), lanes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::vector<queue::Engine::LaneStats> out;
  for (queue::Engine::LaneStats& lane : lanes) {
    if (out.empty() || out.back().name != lane.name) {
      out.push_back(std::move(lane));
      continue;
    }
    queue::Engine::LaneStats& sum = out.back();
    sum.waiting += lane.waiting;
    sum.running += lane.running;
    sum.window += lane.window;
    sum.broken = sum.broken || lane.broken;
    sum.blocked = sum.blocked || lane.blocked;
    sum.blocked_until = std::max(sum.blocked_until, lane.blocked_until);
  }
  return out;
}

Json stats_of(const spool::Stats& stats, const std::vector<queue::Engine::LaneStats>& lanes) {
  const spool::Ledger& ledger = stats.ledger;
  Json out;
  out["ledger"] = {
      {"accepted",  ledger.accepted  },
      {"delivered", ledger.delivered },
      {"bounced",   ledger.failed    },
      {"discarded", ledger.discarded },
      {"queued",    ledger.queued    },
      {"damaged",   ledger.damaged   },
      {"balances",  ledger.balances()}
  };
  out["queue"] = {
      {"messages", ledger.messages},
      {"octets",   ledger.octets  }
  };
  Json list = Json::array();
  for (const queue::Engine::LaneStats& lane : lanes) {
    Json one = {
        {"name",    lane.name       },
        {"state",
         lane.blocked       ? "blocked"
         : lane.running > 0 ? "active"
                            : "idle"},
        {"waiting", lane.waiting    },
        {"running", lane.running    },
        {"window",  lane.window     }
    };
    if (lane.blocked) one["blocked_until"] = utc(lane.blocked_until);
    list.push_back(std::move(one));
  }
  out["lanes"] = std::move(list);
  out["spool"] = {
      {"health",          name_of(stats.health)},
      {"groups",          stats.groups         },
      {"lazy_writes",     stats.lazy_writes    },
      {"committed",       stats.committed      },
      {"never_written",   stats.never_written  },
      {"damaged_records", stats.damaged_records},
      {"octets_written",  stats.octets_written },
      {"file_octets",     stats.file_octets    },
      {"memory_octets",   stats.memory_octets  },
      {"free_octets",     stats.free_octets    },
      {"waiting",         stats.waiting        }
  };
  return out;
}

}  // namespace postern::gateway
