// SPDX-License-Identifier: Apache-2.0
#include "dns/name.h"
#include "gateway/config_reader.h"
#include "smtp/address.h"

#include <algorithm>

// TLS towards next hops: the keys of [[next_hop]] and [[tls_policy]] (docs/tls.md).

namespace postern::gateway {
namespace {

using routing::TlsLevel;
using routing::TlsSettings;

/// The keys that a next hop and a policy have under two names.
struct TlsKeys {
  std::string_view pins;
  std::string_view ca;
};

constexpr std::string_view kHonourKey = "honour_tls_required_no";

void read_level(Section& section, TlsLevel& out) {
  section.read<TlsLevel>("tls",
                         out,
                         {
                             {"none",      TlsLevel::none     },
                             {"may",       TlsLevel::may      },
                             {"encrypt",   TlsLevel::encrypt  },
                             {"verify",    TlsLevel::verify   },
                             {"dane",      TlsLevel::dane     },
                             {"dane-only", TlsLevel::dane_only},
                             {"sts",       TlsLevel::sts      }
  });
}

/// A name of a certificate: a domain, with A-labels as certificates have it, or an address.
Parsed<std::string> parse_tls_name(std::string_view text) {
  if (parse_ip(text)) return std::string(text);
  Parsed<std::string> domain = parse_domain(text);
  if (!domain) return domain;
  std::optional<std::string> name = dns::query_name(*domain);
  if (!name) return domain;
  return *std::move(name);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void read_pins(Reader& reader,
               Section& section,
               std::string_view key,
               std::vector<std::string>& out) {
  section.each(key, [&](const std::string& path, const std::string& text) {
    Parsed<std::string> pin = parse_pin(text);
    if (!pin) return reader.error(path, "bad-value", pin.error().text);
    out.push_back(*std::move(pin));
  });
}

/// Whether a message may ask for less (RFC 8689). `has_login`: a password is sent, too.
void read_honour(Section& section, TlsLevel level, bool has_login, TlsSettings& settings) {
  bool honour = false;
  section.read(kHonourKey, honour);
  if (!section.has(kHonourKey)) return;
  settings.honour_not_required = honour;
  if (level == TlsLevel::none || level == TlsLevel::may) {
    section.fail(kHonourKey,
                 "contradiction",
                 fmt::format("under tls = \"{}\" a message can ask for no less; leave it out",
                             routing::tls_level_name(level)));
  } else if (honour && has_login) {
    section.fail(kHonourKey,
                 "contradiction",
                 "a password goes to no server that any message may choose to trust; leave out "
                 "\"user\", or write honour_tls_required_no = false");
  }
}

/// Keys that say by what a server is verified, where it is not, or by something else.
void check_keys(Section& section, const TlsKeys& keys, TlsLevel level) {
  if (section.has(keys.pins) && level != TlsLevel::verify) {
    section.fail(keys.pins,
                 "contradiction",
                 fmt::format("pins count where the server is verified by them, and tls is \"{}\"; "
                             "write tls = \"verify\"",
                             routing::tls_level_name(level)));
  }
  if (!section.has(keys.ca)) return;
  if (section.has(keys.pins)) {
    section.fail(
        keys.ca,
        "contradiction",
        fmt::format("with \"{}\" no authority is asked; leave one of the two out", keys.pins));
  } else if (level != TlsLevel::verify && level != TlsLevel::sts) {
    section.fail(keys.ca,
                 "contradiction",
                 fmt::format("no authority is asked under tls = \"{}\"; write tls = \"verify\"",
                             routing::tls_level_name(level)));
  }
}

void read_tls_policy(Reader& reader, Section& section) {
  routing::TlsPolicy policy;
  section.each(
      "domains",
      [&](const std::string& path, const std::string& text) {
        const Parsed<std::string> domain = parse_route_domain(text);
        if (!domain) return reader.error(path, "bad-domain", domain.error().text);
        policy.domains.push_back(*domain);
      },
      Need::required);
  read_level(section, policy.tls);
  section.each("names", [&](const std::string& path, const std::string& text) {
    const Parsed<std::string> name = parse_tls_name(text);
    if (!name) return reader.error(path, "bad-domain", name.error().text);
    policy.settings.names.push_back(*name);
  });
  read_pins(reader, section, "pins", policy.settings.pins);
  section.read("ca", policy.settings.ca);
  check_keys(section, {"pins", "ca"}, policy.tls);
  read_honour(section, policy.tls, false, policy.settings);
  reader.config.routing.tls_policies.push_back(std::move(policy));
}

}  // namespace

Parsed<std::string> parse_pin(std::string_view text) {
  constexpr std::string_view kKind = "sha256:";
  constexpr std::size_t kOctets = 32;
  std::string out;
  int high = -1;
  bool good = text.starts_with(kKind);
  for (const char c : text.substr(good ? kKind.size() : 0)) {
    if (c == ':' && high < 0) continue;  // as openssl x509 -fingerprint prints it
    const int digit = hex_digit(c);
    good = good && digit >= 0;
    if (high >= 0) out += static_cast<char>(high * 16 + std::max(digit, 0));
    high = high >= 0 ? -1 : std::max(digit, 0);
  }
  if (good && high < 0 && out.size() == kOctets) return out;
  return Mistake{
      fmt::format("\"{}\" is no pin; write \"sha256:\" and 64 hexadecimal digits: the SHA-256 of "
                  "the certificate, or of its public key",
                  text)};
}

void read_next_hop_tls(Reader& reader, Section& section, routing::NextHop& hop) {
  read_level(section, hop.tls);
  TlsSettings& settings = hop.tls_settings;
  std::string name;
  section.read("tls_name", name);
  if (!name.empty()) {
    const Parsed<std::string> parsed = parse_tls_name(name);
    if (!parsed) section.fail("tls_name", "bad-domain", parsed.error().text);
    if (parsed) settings.names.push_back(*parsed);
  }
  read_pins(reader, section, "tls_pins", settings.pins);
  section.read("tls_ca", settings.ca);
  check_keys(section, {"tls_pins", "tls_ca"}, hop.tls);
  read_honour(section, hop.tls, section.has("user"), settings);
}

void read_tls_policies(Reader& reader, Section& top) {
  top.each_table("tls_policy", [&reader](Section& section) { read_tls_policy(reader, section); });
}

}  // namespace postern::gateway
