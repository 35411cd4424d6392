// SPDX-License-Identifier: Apache-2.0
#include "dns/name.h"

#include <algorithm>
#include <idn2.h>
#include <memory>

namespace postern::dns {
namespace {

constexpr std::size_t kNameOctets = 253;
constexpr std::size_t kLabelOctets = 63;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

struct FreeName {
  void operator()(std::uint8_t* p) const { idn2_free(p); }
};

std::optional<std::string> to_a_labels(const std::string& domain) {
  std::uint8_t* out = nullptr;
  const auto* const in = reinterpret_cast<const std::uint8_t*>(domain.c_str());
  const int status = idn2_lookup_u8(in, &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, FreeName> owned(out);
  if (status != IDN2_OK) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(out));
}

/// The octet in lower case, or 0 when it belongs in no host name.
char host_octet(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  return good ? c : '\0';
}

}  // namespace

std::optional<std::string> query_name(std::string_view domain) {
  // A zero octet would end the name early in C.
  if (domain.find('\0') != std::string_view::npos || domain.size() > 4 * kNameOctets)
    return std::nullopt;
  std::string name(domain);
  if (!is_ascii(name)) {
    std::optional<std::string> ascii = to_a_labels(name);
    if (!ascii) return std::nullopt;
    name = std::move(*ascii);
  }
  if (!name.empty() && name.back() == '.') name.pop_back();
  if (name.empty() || name.size() > kNameOctets) return std::nullopt;
  std::size_t label = 0;
  for (char& c : name) {
    if (c == '.') {
      if (label == 0) return std::nullopt;
      label = 0;
      continue;
    }
    c = host_octet(c);
    if (c == '\0' || ++label > kLabelOctets) return std::nullopt;
  }
  if (label == 0) return std::nullopt;
  return name;
}

}  // namespace postern::dns
