// SPDX-License-Identifier: Apache-2.0
#include "gateway/check_parts.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sys/stat.h>

namespace postern::gateway {
namespace {

using tls::CertificateFacts;

/// Enough for a renewal that fails at first to be seen and mended.
constexpr std::chrono::hours kExpirySoon{21 * 24};

bool can_read(const std::string& file) {
  std::ifstream stream(file);
  return stream && (stream.peek(), !stream.bad());
}

std::string day(std::chrono::system_clock::time_point when) {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(when));
}

void check_time(const CertificateFacts& facts, const std::string& path, Findings& out) {
  const auto now = std::chrono::system_clock::now();
  if (facts.not_after <= now) {
    out.warning(path,
                "certificate-expired",
                fmt::format("{} expired on {}: clients that verify refuse it; renew it",
                            facts.file,
                            day(facts.not_after)));
  } else if (facts.not_before > now) {
    out.warning(path,
                "certificate-not-yet",
                fmt::format("{} is valid only from {}: clients that verify refuse it; look at this "
                            "machine's clock, or use the one of before until then",
                            facts.file,
                            day(facts.not_before)));
  } else if (facts.not_after - now < kExpirySoon) {
    out.warning(
        path,
        "certificate-expires",
        fmt::format(
            "{} expires on {}, in {} days; renew it (it is taken when the files "
            "change, without a restart)",
            facts.file,
            day(facts.not_after),
            std::chrono::duration_cast<std::chrono::hours>(facts.not_after - now).count() / 24));
  }
}

void check_key_mode(const std::string& file, const std::string& path, Findings& out) {
  struct stat mode {};
  if (::stat(file.c_str(), &mode) != 0 || !S_ISREG(mode.st_mode)) return;
  if ((mode.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) == 0) return;
  out.warning(path,
              "key-open",
              fmt::format("{} can be read by everybody on this machine, or written by others: who "
                          "has the key can be this server; chmod 0640 it, or 0600",
                          file));
}

/// A pair that no client would ever get: earlier ones of the same key type have all its names.
bool is_shadowed(const std::vector<CertificateFacts>& all, std::size_t i) {
  if (i == 0) return false;
  const std::vector<std::string>& names = all[i].names;
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(i);
    return std::any_of(all.begin(), end, [&](const CertificateFacts& before) {
      return before.key_type == all[i].key_type &&
             std::find(before.names.begin(), before.names.end(), name) != before.names.end();
    });
  });
}

/// What the certificates that can be read say, in their order; others are empty.
std::vector<CertificateFacts> check_pairs(const Config& config, Findings& out) {
  std::vector<CertificateFacts> all;
  for (std::size_t i = 0; i < config.tls.certificates.size(); ++i) {
    const tls::KeyPair& files = config.tls.certificates[i];
    const std::string path = fmt::format("tls.certificates[{}]", i);
    all.emplace_back();
    check_key_mode(files.key, path + ".key", out);
    if (!can_read(files.cert)) continue;  // check_files() says so
    const auto facts =
        can_read(files.key) ? tls::check_pair(files) : tls::read_certificate(files.cert);
    if (!facts) {
      const bool is_key = facts.error().file == files.key;
      out.error(path + (is_key ? ".key" : ".cert"),
                "certificate",
                fmt::format("{}: {}; write the PEM file of {}",
                            facts.error().file,
                            facts.error().message,
                            is_key ? "the key that belongs to cert" : "a certificate"));
      continue;
    }
    all.back() = *facts;
    check_time(*facts, path + ".cert", out);
    if (!is_shadowed(all, i)) continue;
    out.warning(path + ".cert",
                "certificate-unused",
                fmt::format("no client gets {}: certificates before it have the same kind of key "
                            "and all its names; leave it out",
                            facts->file));
  }
  return all;
}

void check_hostname(const Config& config, const std::vector<CertificateFacts>& all, Findings& out) {
  const bool in_use = std::any_of(config.listeners.begin(), config.listeners.end(), [](auto& l) {
    return l.tls != ListenerTls::none;
  });
  const bool all_read = std::none_of(
      all.begin(), all.end(), [](const CertificateFacts& facts) { return facts.file.empty(); });
  if (!in_use || all.empty() || !all_read) return;
  const bool covered = std::any_of(all.begin(), all.end(), [&](const CertificateFacts& facts) {
    return facts.covers(config.hostname);
  });
  if (covered) return;
  out.warning("tls.certificates",
              "certificate-name",
              fmt::format("no certificate has the name \"{}\", which is hostname and what an MX "
                          "record should say: clients that verify refuse the others ({}); get one "
                          "with it, or mend hostname",
                          config.hostname,
                          fmt::join(all.front().names, ", ")));
}

void check_clients(const Config& config, Findings& out) {
  const std::vector<tls::ClientCertificate>& clients = config.tls.clients;
  const bool asked = std::any_of(
      config.listeners.begin(), config.listeners.end(), [](auto& l) { return l.ask_certificate; });
  if (!clients.empty() && !asked) {
    out.warning("relay.allow_with_certificate",
                "nobody-asks",
                "no listener asks clients for a certificate; write ask_certificate = true where "
                "they come");
  }
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    if (!config.listeners[i].ask_certificate || !clients.empty()) continue;
    out.warning(
        fmt::format("listener[{}].ask_certificate", i),
        "nobody-known",
        "certificates say nothing, since none is known; write relay.allow_with_certificate");
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (clients[i].ca.empty() || !can_read(clients[i].ca)) continue;
    const auto authority = tls::read_certificate(clients[i].ca);
    if (authority) continue;
    out.error(fmt::format("relay.allow_with_certificate[{}].ca", i),
              "certificate",
              fmt::format("{}: {}; write the PEM file of the authority that signs the client's "
                          "certificate",
                          clients[i].ca,
                          authority.error().message));
  }
}

}  // namespace

void check_certificates(const Config& config, Findings& out) {
  check_hostname(config, check_pairs(config, out), out);
  check_clients(config, out);
}

}  // namespace postern::gateway
