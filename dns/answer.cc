// SPDX-License-Identifier: Apache-2.0
#include "dns/answer.h"

#include <ares.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

namespace postern::dns {
namespace {

constexpr std::size_t kHeaderOctets = 12;   // RFC 1035 section 4.1.1
constexpr std::size_t kQuestionOctets = 4;  // behind the name: type, class
constexpr std::size_t kRecordOctets = 10;   // behind the name: type, class, TTL, length
constexpr std::size_t kMaxAddresses = 64;   // of one name and family

using Message = std::span<const unsigned char>;

Status status_of(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return Status::ok;
    case ARES_ENODATA:
      return Status::no_data;
    case ARES_ENOTFOUND:
      return Status::nx_domain;
    case ARES_EBADNAME:
      return Status::bad_name;
    case ARES_ETIMEOUT:
      return Status::timed_out;
    default:
      return Status::server_failure;
  }
}

/// An answer that does not parse says nothing about the name, whatever c-ares calls the fault.
Status status_of_parsing(int status) {
  return status == ARES_ENODATA ? Status::no_data : Status::server_failure;
}

struct FreeData {
  void operator()(void* p) const { ares_free_data(p); }
};

void read_mx(Message message, Answer& answer) {
  ares_mx_reply* first = nullptr;
  const int status = ares_parse_mx_reply(message.data(), static_cast<int>(message.size()), &first);
  const std::unique_ptr<ares_mx_reply, FreeData> owned(first);
  if (status != ARES_SUCCESS) {
    answer.status = status_of_parsing(status);
    return;
  }
  for (const ares_mx_reply* r = first; r != nullptr; r = r->next) {
    answer.mx.push_back(MxRecord{r->priority, r->host});
  }
  if (answer.mx.empty()) answer.status = Status::no_data;
  answer.ttl = least_ttl(message);
}

IpAddress to_address(const ares_addrttl& record) {
  boost::asio::ip::address_v4::bytes_type bytes;
  std::memcpy(bytes.data(), &record.ipaddr, bytes.size());
  return boost::asio::ip::address_v4(bytes);
}

IpAddress to_address(const ares_addr6ttl& record) {
  boost::asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &record.ip6addr, bytes.size());
  return plain_ip(boost::asio::ip::address_v6(bytes));
}

template <class Record, class Parser>
void read_addresses(Message message, Parser parse, Answer& answer) {
  std::array<Record, kMaxAddresses> records{};
  int count = static_cast<int>(records.size());
  const int status =
      parse(message.data(), static_cast<int>(message.size()), nullptr, records.data(), &count);
  if (status != ARES_SUCCESS) {
    answer.status = status_of_parsing(status);
    return;
  }
  int ttl = count > 0 ? records[0].ttl : 0;
  for (const Record& record : std::span(records).first(static_cast<std::size_t>(count))) {
    answer.addresses.push_back(to_address(record));
    ttl = std::min(ttl, record.ttl);
  }
  if (answer.addresses.empty()) answer.status = Status::no_data;
  answer.ttl = std::chrono::seconds(std::max(ttl, 0));
}

/// Where the octets behind the name at `at` begin; nullopt: the message ends before, or the name is
/// broken.
std::optional<std::size_t> skip_name(Message message, std::size_t at) {
  if (at >= message.size()) return std::nullopt;
  char* name = nullptr;
  long octets = 0;
  const int status = ares_expand_name(
      message.data() + at, message.data(), static_cast<int>(message.size()), &name, &octets);
  if (status != ARES_SUCCESS) return std::nullopt;
  ares_free_string(name);
  return at + static_cast<std::size_t>(octets);
}

std::uint32_t number(Message message, std::size_t at, std::size_t octets) {
  std::uint32_t value = 0;
  for (const unsigned char octet : message.subspan(at, octets))
    value = value << 8U | octet;
  return value;
}

}  // namespace

std::chrono::seconds least_ttl(Message message) {
  constexpr std::chrono::seconds kNone{0};
  if (message.size() < kHeaderOctets) return kNone;
  std::size_t at = kHeaderOctets;
  for (std::uint32_t left = number(message, 4, 2); left > 0; --left) {
    const auto behind = skip_name(message, at);
    if (!behind || message.size() - *behind < kQuestionOctets) return kNone;
    at = *behind + kQuestionOctets;
  }
  std::optional<std::uint32_t> least;
  for (std::uint32_t left = number(message, 6, 2); left > 0; --left) {
    const auto behind = skip_name(message, at);
    if (!behind || message.size() - *behind < kRecordOctets) return kNone;
    const std::uint32_t raw = number(message, *behind + 4, 4);
    const std::uint32_t ttl = raw > 0x7fffffffU ? 0 : raw;
    least = std::min(least.value_or(ttl), ttl);
    const std::size_t data = number(message, *behind + 8, 2);
    at = *behind + kRecordOctets;
    if (message.size() - at < data) return kNone;
    at += data;
  }
  return std::chrono::seconds(least.value_or(0));
}

Answer read_answer(RecordType type, int status, Message message) {
  Answer answer;
  answer.status = status_of(status);
  if (answer.status != Status::ok) return answer;
  switch (type) {
    case RecordType::mx:
      read_mx(message, answer);
      break;
    case RecordType::a:
      read_addresses<ares_addrttl>(message, &ares_parse_a_reply, answer);
      break;
    case RecordType::aaaa:
      read_addresses<ares_addr6ttl>(message, &ares_parse_aaaa_reply, answer);
      break;
  }
  return answer;
}

AddressAnswer join(const Answer& v6, const Answer& v4) {
  AddressAnswer both;
  both.addresses = v6.addresses;
  both.addresses.insert(both.addresses.end(), v4.addresses.begin(), v4.addresses.end());
  if (!both.addresses.empty()) {
    both.status = Status::ok;
    both.ttl = v6.addresses.empty()   ? v4.ttl
               : v4.addresses.empty() ? v6.ttl
                                      : std::min(v6.ttl, v4.ttl);
  } else if (is_transient(v4.status) || is_transient(v6.status)) {
    both.status = is_transient(v4.status) ? v4.status : v6.status;
  } else if (v4.status == v6.status) {
    both.status = v4.status;
  } else {
    both.status = Status::no_data;  // one of the two knows the name
  }
  return both;
}

}  // namespace postern::dns
