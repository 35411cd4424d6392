// SPDX-License-Identifier: Apache-2.0
#include "gateway/start_settings.h"

#include <tuple>

namespace postern::gateway {
namespace {

auto tied(const LogConfig& log) {
  return std::tie(log.file, log.format, log.level);
}

auto tied(const dns::Config& dns) {
  return std::tie(dns.servers,
                  dns.timeout,
                  dns.tries,
                  dns.max_ttl,
                  dns.negative_ttl,
                  dns.cache_entries,
                  dns.trust_ad,
                  dns.reverse_lookup,
                  dns.reverse_timeout);
}

auto tied(const smtp::ClientTimeouts& t) {
  return std::tie(t.connect,
                  t.greeting,
                  t.ehlo,
                  t.tls,
                  t.mail,
                  t.rcpt,
                  t.data,
                  t.data_block,
                  t.data_done,
                  t.rset,
                  t.quit);
}

}  // namespace

StartSettings StartSettings::of(const Config& config) {
  StartSettings out;
  out.hostname = config.hostname;
  out.data_dir = config.data_dir;
  out.log = config.log;
  out.dns = config.dns;
  out.threads = config.limits.threads;
  out.disk_reserve = config.limits.disk_reserve;
  out.delivery = config.limits.client_timeouts;
  out.sts_ca = config.mta_sts.ca;
  out.metrics = config.metrics.listen;
  return out;
}

std::vector<std::string> StartSettings::changed(const StartSettings& next) const {
  std::vector<std::string> out;
  const auto tell = [&out](const char* key, bool same) {
    if (!same) out.emplace_back(key);
  };
  tell("hostname", hostname == next.hostname);
  tell("data_dir", data_dir == next.data_dir);
  tell("log", tied(log) == tied(next.log));
  tell("dns", tied(dns) == tied(next.dns));
  tell("limits.threads", threads == next.threads);
  tell("limits.disk_reserve", disk_reserve == next.disk_reserve);
  tell("limits.delivery", tied(delivery) == tied(next.delivery));
  tell("mta_sts.ca", sts_ca == next.sts_ca);
  tell("metrics.listen", metrics == next.metrics);
  return out;
}

}  // namespace postern::gateway
