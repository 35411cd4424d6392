// SPDX-License-Identifier: Apache-2.0
// Three lines: a filter of the config, a local part, a domain. Nothing crashes; what is accepted is
// a filter for libldap too; and no address changes its structure: the BER that libldap makes of it
// has the same elements whatever the address is, and the address as octets where it belongs.
#include "directories/ldap_filter.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <lber.h>
#include <ldap.h>
#include <string>
#include <string_view>

/// libldap's own parser, which ldap_search_ext calls; exported, in no public header.
extern "C" int ldap_pvt_put_filter(BerElement* ber, const char* filter);

namespace {

using postern::directories::FilterValues;
using postern::directories::LdapFilter;

void require(bool truth) {
  if (!truth) std::abort();
}

std::string encode(const std::string& filter) {
  BerElement* const ber = ber_alloc_t(LBER_USE_DER);
  require(ldap_pvt_put_filter(ber, filter.c_str()) == 0);
  berval flat{};
  require(ber_flatten2(ber, &flat, 0) == 0);
  std::string out(flat.bv_val, flat.bv_len);
  ber_free(ber, 1);
  return out;
}

/// The tags of all elements, with parentheses around those that hold others.
std::string shape(std::string_view ber) {
  std::string out;
  while (!ber.empty()) {
    require(ber.size() >= 2);
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(ber.at(i)); };
    const unsigned tag = octet(0);
    std::size_t size = octet(1);
    std::size_t head = 2;
    if (size >= 0x80) {
      const std::size_t octets = size & 0x7fU;
      size = 0;
      for (std::size_t i = 0; i < octets; ++i)
        size = size << 8 | octet(head++);
    }
    require(ber.size() >= head + size);
    out += std::to_string(tag) + ' ';
    if ((tag & 0x20U) != 0) out += "( " + shape(ber.substr(head, size)) + ") ";
    ber.remove_prefix(head + size);
  }
  return out;
}

std::string_view line(std::string_view& input) {
  const std::size_t end = input.find('\n');
  const std::string_view out = input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto filter = LdapFilter::parse(line(input));
  if (!filter) {
    require(filter.error().position <= size && !filter.error().sentence.empty());
    return 0;
  }
  const std::string local(line(input));
  const std::string address = local + '@' + std::string(input);
  // No mailbox is so, and an empty part is no element of a substring filter.
  if (local.empty() || input.empty()) return 0;
  const std::string text = filter->text_for({address, local, input});
  const std::string plain = filter->text_for({"x", "x", "x"});
  require(text.find('\0') == std::string::npos);
  const std::string ber = encode(text);
  require(shape(ber) == shape(encode(plain)));
  if (filter->text_for({"", "y", "y"}) != filter->text_for({"x", "y", "y"})) {
    require(ber.find(address) != std::string::npos);
  }
  return 0;
}
