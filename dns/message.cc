// SPDX-License-Identifier: Apache-2.0
#include "dns/message.h"

namespace postern::dns {
namespace {

constexpr std::size_t kHeaderOctets = 12;     // RFC 1035 section 4.1.1
constexpr std::size_t kQuestionOctets = 4;    // behind the name: type, class
constexpr std::size_t kRecordOctets = 10;     // behind the name: type, class, TTL, length
constexpr std::size_t kNameWireOctets = 255;  // RFC 1035 section 3.1

void append_octet(std::string& name, unsigned char octet) {
  if (octet >= 'A' && octet <= 'Z') {
    name += static_cast<char>(octet - 'A' + 'a');
  } else if (octet == '.' || octet == '\\') {
    name += '\\';
    name += static_cast<char>(octet);
  } else if (octet > 0x20 && octet < 0x7f) {
    name += static_cast<char>(octet);
  } else {
    name += '\\';
    for (const unsigned power : {100U, 10U, 1U})
      name += static_cast<char>('0' + octet / power % 10);
  }
}

std::optional<Record> read_record(Octets octets, std::size_t& at) {
  std::optional<std::string> owner = read_name(octets, at);
  if (!owner || octets.size() - at < kRecordOctets) return std::nullopt;
  Record record;
  record.owner = std::move(*owner);
  record.type = static_cast<std::uint16_t>(read_number(octets, at, 2));
  record.rr_class = static_cast<std::uint16_t>(read_number(octets, at + 2, 2));
  const std::uint32_t ttl = read_number(octets, at + 4, 4);
  record.ttl = ttl > 0x7fffffffU ? 0 : ttl;
  record.size = read_number(octets, at + 8, 2);
  record.begin = at + kRecordOctets;
  if (octets.size() - record.begin < record.size) return std::nullopt;
  at = record.begin + record.size;
  return record;
}

bool read_section(Octets octets,
                  std::size_t& at,
                  std::uint32_t count,
                  std::vector<Record>& section) {
  for (; count > 0; --count) {
    std::optional<Record> record = read_record(octets, at);
    if (!record) return false;
    section.push_back(std::move(*record));
  }
  return true;
}

}  // namespace

std::uint32_t read_number(Octets octets, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (const unsigned char octet : octets.subspan(at, count))
    value = value << 8U | octet;
  return value;
}

std::optional<std::string> read_name(Octets octets, std::size_t& at) {
  std::string name;
  std::size_t wire = 0;
  std::size_t here = at;
  std::size_t lowest = at;  // a pointer must lead below everything that was read
  bool jumped = false;
  for (;;) {
    if (here >= octets.size()) return std::nullopt;
    const std::size_t length = octets[here];
    if (length >= 0xc0) {
      if (octets.size() - here < 2) return std::nullopt;
      if (!jumped) at = here + 2;
      jumped = true;
      here = read_number(octets, here, 2) & 0x3fffU;
      if (here >= lowest) return std::nullopt;
      lowest = here;
      continue;
    }
    if (length > 63 || octets.size() - here <= length) return std::nullopt;
    wire += length + 1;
    if (wire > kNameWireOctets) return std::nullopt;
    if (length == 0) break;
    if (!name.empty()) name += '.';
    for (const unsigned char octet : octets.subspan(here + 1, length))
      append_octet(name, octet);
    here += length + 1;
  }
  if (!jumped) at = here + 1;
  return name;
}

std::optional<Message> read_message(Octets octets) {
  if (octets.size() < kHeaderOctets) return std::nullopt;
  Message message;
  message.rcode = octets[3] & 0x0fU;
  message.authentic = (octets[3] & 0x20U) != 0;
  std::size_t at = kHeaderOctets;
  const std::uint32_t questions = read_number(octets, 4, 2);
  for (std::uint32_t i = 0; i < questions; ++i) {
    std::optional<std::string> name = read_name(octets, at);
    if (!name || octets.size() - at < kQuestionOctets) return std::nullopt;
    at += kQuestionOctets;
    if (i == 0) message.question = std::move(*name);
  }
  if (!read_section(octets, at, read_number(octets, 6, 2), message.answers)) return std::nullopt;
  if (!read_section(octets, at, read_number(octets, 8, 2), message.authority)) return std::nullopt;
  return message;
}

}  // namespace postern::dns
