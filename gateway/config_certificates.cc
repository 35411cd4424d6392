// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"

#include <algorithm>

// [tls], relay.allow_with_certificate and what listeners need of them.

namespace postern::gateway {
namespace {

constexpr std::size_t kFingerprint = 64;  ///< hex digits of SHA-256
constexpr std::size_t kLongestName = 64;

/// The digits of "sha256:AB:CD...", with or without the scheme and the colons; nullopt: it is none.
std::optional<std::string> parse_fingerprint(std::string_view text) {
  constexpr std::string_view kScheme = "sha256:";
  if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
  std::string out;
  for (const char c : text) {
    if (c == ':') continue;
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!((lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f'))) return std::nullopt;
    out += lower;
  }
  if (out.size() != kFingerprint) return std::nullopt;
  return out;
}

bool is_client_name(std::string_view name) {
  return name.size() <= kLongestName && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

void read_fingerprint(Section& section, std::string& out) {
  std::string text;
  section.read("fingerprint", text);
  if (!section.has("fingerprint")) return;
  const std::optional<std::string> digits = parse_fingerprint(text);
  if (digits) {
    out = *digits;
  } else {
    section.fail("fingerprint",
                 "bad-fingerprint",
                 fmt::format("\"{}\" is no SHA-256 of a certificate; write \"sha256:\" and 64 hex "
                             "digits, as openssl x509 -fingerprint -sha256 -noout -in FILE prints "
                             "them",
                             text));
  }
}

void read_client_certificate(Reader& reader, Section& section) {
  tls::ClientCertificate one;
  section.read("name", one.name, Need::required);
  if (!is_client_name(one.name)) {
    section.fail("name",
                 "bad-value",
                 fmt::format("\"{}\" is to be one word; write up to 64 letters, digits, \".\", "
                             "\"-\" and \"_\"",
                             one.name));
  }
  read_fingerprint(section, one.fingerprint);
  section.read("host", one.host);
  section.read("ca", one.ca);
  if (section.has("host")) {
    const Parsed<std::string> host = parse_domain(one.host);
    if (host) one.host = *host;
    if (!host) section.fail("host", "bad-domain", host.error().text);
  }
  const bool by_print = section.has("fingerprint");
  const bool by_host = section.has("host");
  if (by_print && (by_host || section.has("ca"))) {
    section.fail("fingerprint",
                 "contradiction",
                 "a certificate is known by its fingerprint, or by its host and who signed it; "
                 "leave host and ca out, or write two entries");
  } else if (!by_print && (!by_host || one.ca.empty())) {
    section.fail(by_host ? "host" : "name",
                 "missing-key",
                 "it does not say which certificate; write fingerprint = \"sha256:...\", or host = "
                 "\"relay.company.ru\" with ca = \"/path\", the PEM file of the authority that "
                 "signs it");
  }
  reader.config.tls.clients.push_back(std::move(one));
}

void check_same_names(Reader& reader) {
  const std::vector<tls::ClientCertificate>& all = reader.config.tls.clients;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(i);
    const bool twice = std::any_of(all.begin(), end, [&](const tls::ClientCertificate& before) {
      return !before.name.empty() && before.name == all[i].name &&
             before.fingerprint == all[i].fingerprint && before.host == all[i].host;
    });
    if (!twice) continue;
    reader.error(fmt::format("relay.allow_with_certificate[{}]", i),
                 "duplicate-certificate",
                 fmt::format("\"{}\" is there already with the same; leave one out", all[i].name));
  }
}

}  // namespace

void read_certificates(Reader& reader, Section& section) {
  section.each_table("certificates", [&reader](Section& pair) {
    tls::KeyPair files;
    pair.read("cert", files.cert, Need::required);
    pair.read("key", files.key, Need::required);
    reader.config.tls.certificates.push_back(std::move(files));
  });
}

void read_client_certificates(Reader& reader, Section& section) {
  section.each_table("allow_with_certificate",
                     [&reader](Section& one) { read_client_certificate(reader, one); });
  check_same_names(reader);
}

void resolve_certificates(Reader& reader) {
  const Config& config = reader.config;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    if (listener.tls == ListenerTls::none) {
      if (!listener.ask_certificate) continue;
      reader.error(fmt::format("listener[{}].ask_certificate", i),
                   "contradiction",
                   "clients show certificates in TLS, and this listener has none; write tls = "
                   "\"starttls\" or \"implicit\"");
    } else if (config.tls.certificates.empty()) {
      reader.error(fmt::format("listener[{}].tls", i),
                   "no-certificate",
                   "TLS needs a certificate; write [tls] certificates = [{ cert = \"...\", key = "
                   "\"...\" }], or tls = \"none\"");
    }
  }
}

}  // namespace postern::gateway
