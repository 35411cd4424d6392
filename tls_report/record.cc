// SPDX-License-Identifier: Apache-2.0
#include "tls_report/record.h"

#include <algorithm>
#include <charconv>

namespace postern::tls_report {
namespace {

constexpr std::string_view kVersion = "v=TLSRPTv1";
constexpr std::size_t kMostUri = 1000;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Takes what stands before `delimiter` off the front of `text`.
std::string_view take_until(char delimiter, std::string_view& text) {
  const std::size_t end = std::min(text.find(delimiter), text.size());
  const std::string_view front = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trimmed(front);
}

bool has_scheme(std::string_view uri, std::string_view scheme) {
  return uri.size() > scheme.size() &&
         std::equal(scheme.begin(), scheme.end(), uri.begin(), [](char want, char is) {
           return want == lower(is);
         });
}

/// Visible ASCII that can stand in a URI, a header field and a command line alike.
bool is_plain_uri(std::string_view uri) {
  return std::all_of(uri.begin(), uri.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '<' && c != '>' && c != '\\';
  });
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '%') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    if (text.size() < 3) return std::nullopt;
    unsigned octet = 0;
    const auto [at, ec] = std::from_chars(text.data() + 1, text.data() + 3, octet, 16);
    if (ec != std::errc() || at != text.data() + 3) return std::nullopt;
    out += static_cast<char>(octet);
    text.remove_prefix(3);
  }
  return out;
}

bool is_host(std::string_view host) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !host.empty() && host.size() <= 253 && host.front() != '.' && host.front() != '-' &&
         std::all_of(host.begin(), host.end(), good);
}

std::optional<Destination> mailbox_of(std::string_view rest) {
  const std::optional<std::string> address = percent_decoded(rest.substr(0, rest.find('?')));
  if (!address || !is_plain_uri(*address)) return std::nullopt;
  const std::size_t at = address->rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == address->size()) return std::nullopt;
  Destination out;
  out.address = *address;
  return out;
}

std::optional<Destination> web_server_of(std::string_view rest) {
  rest = rest.substr(0, rest.find('#'));
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string host(rest.substr(0, slash));
  std::transform(host.begin(), host.end(), host.begin(), lower);
  Destination out;
  out.kind = Destination::Kind::https;
  out.path = std::string(rest.substr(slash));
  if (!out.path.starts_with('/')) out.path.insert(0, 1, '/');
  if (const std::size_t colon = host.find(':'); colon != std::string::npos) {
    const char* const end = host.data() + host.size();
    const auto [at, ec] = std::from_chars(host.data() + colon + 1, end, out.port);
    if (ec != std::errc() || at != end || out.port == 0) return std::nullopt;
    host.resize(colon);
  }
  if (!is_host(host)) return std::nullopt;
  out.host = std::move(host);
  return out;
}

/// The record says that it is one of ours: the version, and a delimiter behind it.
bool is_report_record(std::string_view record) {
  return record.starts_with(kVersion) && trimmed(record.substr(kVersion.size())).starts_with(';');
}

std::vector<Destination> destinations_in(std::string_view record) {
  std::vector<Destination> out;
  take_until(';', record);
  while (!record.empty()) {
    std::string_view field = take_until(';', record);
    if (!field.starts_with("rua=")) continue;
    field.remove_prefix(4);
    while (!field.empty() && out.size() < kMostDestinations) {
      if (std::optional<Destination> one = destination_of(take_until(',', field)))
        out.push_back(*std::move(one));
    }
    break;
  }
  return out;
}

}  // namespace

std::optional<Destination> destination_of(std::string_view uri) {
  constexpr std::string_view kMail = "mailto:";
  constexpr std::string_view kWeb = "https://";
  if (uri.size() > kMostUri || !is_plain_uri(uri)) return std::nullopt;
  if (has_scheme(uri, kMail)) return mailbox_of(uri.substr(kMail.size()));
  if (has_scheme(uri, kWeb)) return web_server_of(uri.substr(kWeb.size()));
  return std::nullopt;
}

std::vector<Destination> destinations_of(const std::vector<std::string>& records) {
  const std::string* only = nullptr;
  for (const std::string& record : records) {
    if (!is_report_record(record)) continue;
    if (only != nullptr) return {};
    only = &record;
  }
  return only == nullptr ? std::vector<Destination>() : destinations_in(*only);
}

}  // namespace postern::tls_report
