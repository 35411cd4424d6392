// SPDX-License-Identifier: Apache-2.0
#include "smtp/xclient.h"

#include "base/printable.h"
#include "smtp/address.h"

#include <algorithm>
#include <charconv>

namespace postern::smtp {
namespace {

constexpr std::size_t kMostValue = 255;  // XFORWARD_README
constexpr std::string_view kUnavailable = "[UNAVAILABLE]";
constexpr std::string_view kTemporarily = "[TEMPUNAVAIL]";
constexpr std::string_view kIpv6 = "IPV6:";

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

/// RFC 3461 4; nullopt: not xtext, or too long. '=' may stand for itself, as with Postfix.
std::optional<std::string> decode_xtext(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if (octet <= 0x20 || octet >= 0x7f) return std::nullopt;
    if (text[i] != '+') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const std::optional<unsigned> high = hex_digit(text[i + 1]);
    const std::optional<unsigned> low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high << 4U | *low);
    i += 2;
  }
  const bool fits = !out.empty() && out.size() <= kMostValue;
  const bool clean = std::none_of(out.begin(), out.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return fits && clean ? std::optional(out) : std::nullopt;
}

struct Attribute {
  std::string_view name;  ///< as it was written
  std::string value;      ///< decoded; empty: not available
};

/// Gives each attribute to `take`, which says whether it is one, with a good value. The error is a
/// sentence.
template <class Take>
std::string each_attribute(std::string_view arguments, const Take& take) {
  if (arguments.find_first_not_of(' ') == std::string_view::npos) return "no attribute";
  while (!arguments.empty()) {
    const std::size_t end = std::min(arguments.find(' '), arguments.size());
    const std::string_view word = arguments.substr(0, end);
    arguments.remove_prefix(std::min(end + 1, arguments.size()));
    if (word.empty()) continue;
    const std::size_t sign = word.find('=');
    if (sign == std::string_view::npos) return "an attribute without a value";
    std::optional<std::string> value = decode_xtext(word.substr(sign + 1));
    if (!value) return "a value that is no xtext";
    if (iequals(*value, kUnavailable) || iequals(*value, kTemporarily)) value->clear();
    if (!take(Attribute{word.substr(0, sign), *std::move(value)}))
      return "an attribute that is not known, or has a wrong value: " +
             printable(word.substr(0, sign), 20);
  }
  return {};
}

bool read_address(const std::string& value, IpAddress& out) {
  out = IpAddress();
  if (value.empty()) return true;
  std::string_view text = value;
  if (iequals(text.substr(0, kIpv6.size()), kIpv6)) text.remove_prefix(kIpv6.size());
  const std::optional<IpAddress> address = parse_ip(text);
  if (address) out = *address;
  return address.has_value();
}

bool read_port(const std::string& value, std::uint16_t& out) {
  out = 0;
  const char* const last = value.data() + value.size();
  if (value.empty()) return true;
  const auto [end, ec] = std::from_chars(value.data(), last, out);
  return ec == std::errc() && end == last;
}

bool read_proto(const std::string& value, bool& esmtp) {
  esmtp = !iequals(value, "SMTP");
  return value.empty() || iequals(value, "SMTP") || iequals(value, "ESMTP");
}

bool is_name(const std::string& value) {
  return value.empty() || is_valid_helo_domain(value);
}

bool set_attribute(const Attribute& attribute, ClientOverride& out) {
  const std::string& value = attribute.value;
  const auto is = [&attribute](std::string_view name) { return iequals(attribute.name, name); };
  if (is("NAME")) return is_name(out.name.emplace(value));
  if (is("ADDR")) return read_address(value, out.address.emplace());
  if (is("PORT")) return read_port(value, out.port.emplace());
  if (is("PROTO")) return read_proto(value, out.esmtp.emplace());
  if (is("HELO")) return is_name(out.helo.emplace(value));
  if (is("LOGIN")) return out.login.emplace(value).find(' ') == std::string::npos;
  if (is("DESTADDR")) return read_address(value, out.server.emplace());
  if (is("DESTPORT")) return read_port(value, out.server_port.emplace());
  return false;
}

bool is_forwarded(const Attribute& attribute) {
  const std::string& value = attribute.value;
  const auto is = [&attribute](std::string_view name) { return iequals(attribute.name, name); };
  IpAddress address;
  std::uint16_t port = 0;
  if (is("ADDR")) return read_address(value, address);
  if (is("PORT")) return read_port(value, port);
  if (is("SOURCE")) return value.empty() || iequals(value, "LOCAL") || iequals(value, "REMOTE");
  return is("NAME") || is("PROTO") || is("HELO") || is("IDENT");
}

/// "NAME=value", in place of another value of that name.
void set_forwarded(std::vector<std::string>& attributes, std::string said) {
  const std::string name = said.substr(0, said.find('=') + 1);
  const auto before = std::find_if(attributes.begin(),
                                   attributes.end(),
                                   [&name](const std::string& s) { return s.starts_with(name); });
  if (before == attributes.end()) {
    attributes.push_back(std::move(said));
  } else {
    *before = std::move(said);
  }
}

}  // namespace

Result<ClientOverride, BadAttribute> parse_xclient(std::string_view arguments) {
  ClientOverride out;
  std::string wrong = each_attribute(
      arguments, [&out](const Attribute& attribute) { return set_attribute(attribute, out); });
  if (!wrong.empty()) return BadAttribute{std::move(wrong)};
  return out;
}

void Forwarded::add(const Forwarded& more) {
  for (const std::string& said : more.attributes)
    set_forwarded(attributes, said);
}

std::string Forwarded::text() const {
  std::string out;
  for (const std::string& said : attributes) {
    if (!out.empty()) out += ' ';
    out += said;
  }
  return out;
}

Result<Forwarded, BadAttribute> parse_xforward(std::string_view arguments) {
  Forwarded out;
  std::string wrong = each_attribute(arguments, [&out](const Attribute& attribute) {
    if (!is_forwarded(attribute)) return false;
    std::string said;
    for (const char c : attribute.name)
      said += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    said += '=';
    said += attribute.value.empty() ? std::string(kUnavailable) : printable(attribute.value);
    set_forwarded(out.attributes, std::move(said));
    return true;
  });
  if (!wrong.empty()) return BadAttribute{std::move(wrong)};
  return out;
}

}  // namespace postern::smtp
