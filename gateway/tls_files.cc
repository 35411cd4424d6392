// SPDX-License-Identifier: Apache-2.0
#include "gateway/tls_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

namespace postern::gateway {
std::string shown(const std::vector<tls::CertificateFacts>& certificates) {
  std::string out;
  for (const tls::CertificateFacts& one : certificates) {
    fmt::format_to(std::back_inserter(out),
                   "{}{} ({}, until {:%Y-%m-%d})",
                   out.empty() ? "" : ", ",
                   one.names.empty() ? one.file : one.names.front(),
                   one.key_type,
                   fmt::gmtime(one.not_after));
  }
  return out;
}

Result<std::unique_ptr<TlsFiles>, tls::ContextError> TlsFiles::open(const Config& config,
                                                                    Options options) {
  Stamps stamps = stamps_of(config.tls);
  Result<Contexts, tls::ContextError> first = load(config.tls, options);
  if (!first) return first.error();
  std::unique_ptr<TlsFiles> out(
      new TlsFiles(config.tls, std::move(options), *std::move(first), std::move(stamps)));
  out->tell("certificates: " + shown(out->certificates()));
  return out;
}

TlsFiles::TlsFiles(const TlsConfig& config, Options options, Contexts first, Stamps stamps)
    : config_(config),
      options_(std::move(options)),
      silent_(std::move(first.silent)),
      asking_(std::move(first.asking)),
      taken_(std::move(stamps)) {}

Result<TlsFiles::Contexts, tls::ContextError> TlsFiles::load(const TlsConfig& config,
                                                             const Options& options) {
  tls::ServerSettings settings;
  settings.certificates = config.certificates;
  settings.tickets = options.tickets;
  auto silent = tls::Context::server(settings);
  if (!silent) return silent.error();
  auto clients = tls::ClientCertificates::load(config.clients);
  if (!clients) return clients.error();
  settings.clients = *clients;
  auto asking = tls::Context::server(settings);
  if (!asking) return asking.error();
  return Contexts{*silent, *asking};
}

TlsFiles::Stamps TlsFiles::stamps_of(const TlsConfig& config) {
  Stamps out;
  const auto add = [&out](const std::string& file) { out.emplace(file, FileStamp::of(file)); };
  for (const tls::KeyPair& pair : config.certificates) {
    add(pair.cert);
    add(pair.key);
  }
  for (const tls::ClientCertificate& client : config.clients) {
    if (!client.ca.empty()) add(client.ca);
  }
  return out;
}

void TlsFiles::tell(const std::string& line) const {
  if (options_.notice) options_.notice(line);
}

std::vector<tls::CertificateFacts> TlsFiles::certificates() const {
  return silent_.get()->certificates();
}

void TlsFiles::refresh() {
  const Stamps now = stamps_of(config_);
  if (now == taken_ || now == refused_) return;
  if (now != seen_) {
    seen_ = now;
    seen_at_ = options_.now();
  }
  if (options_.now() - seen_at_ < options_.settle) return;
  Result<Contexts, tls::ContextError> next = load(config_, options_);
  if (stamps_of(config_) != now) return;  // written meanwhile: the next look takes it
  if (!next) {
    refused_ = now;
    tell(fmt::format("{}: {}; the certificates of before stay in use until the files change again",
                     next.error().file,
                     next.error().message));
    return;
  }
  silent_.set(next->silent);
  asking_.set(next->asking);
  taken_ = now;
  refused_.reset();
  tell("certificates were renewed: " + shown(certificates()));
}

}  // namespace postern::gateway
