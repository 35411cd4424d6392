// SPDX-License-Identifier: Apache-2.0
#include "dns/answer.h"

#include <ares.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace postern::dns {
namespace {

constexpr std::size_t kMaxAddresses = 64;  // of one name and family
constexpr std::size_t kMaxAliases = 16;    // links of one chain
// Compressed names make much of little: what is kept of an answer does not grow with what anybody
// writes into a zone of its own.
constexpr std::size_t kMaxNames = 4;            // PTR, CNAME
constexpr std::size_t kMaxRecords = 100;        // MX, TXT, TLSA
constexpr std::size_t kMaxTextOctets = 16'384;  // of the texts together
constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kSoa = 6;
constexpr std::size_t kSoaNumbers = 20;  // behind the two names; the last four are MINIMUM
constexpr std::uint8_t kNxDomain = 3;    // RCODE, RFC 1035 section 4.1.1

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

Octets data_of(Octets octets, const Record& record) {
  return octets.subspan(record.begin, record.size);
}

/// The name that begins `skip` octets into the data and ends it.
std::optional<std::string> name_in(Octets octets, const Record& record, std::size_t skip) {
  if (record.size <= skip) return std::nullopt;
  std::size_t at = record.begin + skip;
  std::optional<std::string> name = read_name(octets, at);
  if (!name || at != record.begin + record.size) return std::nullopt;
  return name;
}

bool add_mx(Octets octets, const Record& record, Answer& answer) {
  std::optional<std::string> exchange = name_in(octets, record, 2);
  if (!exchange) return false;
  const auto preference = static_cast<std::uint16_t>(read_number(octets, record.begin, 2));
  if (answer.mx.size() < kMaxRecords)
    answer.mx.push_back(MxRecord{preference, std::move(*exchange)});
  return true;
}

bool add_name(Octets octets, const Record& record, Answer& answer) {
  std::optional<std::string> name = name_in(octets, record, 0);
  if (!name) return false;
  if (answer.texts.size() < kMaxNames) answer.texts.push_back(std::move(*name));
  return true;
}

template <class Address>
bool add_address(Octets octets, const Record& record, Answer& answer) {
  typename Address::bytes_type bytes;
  if (record.size != bytes.size()) return false;
  std::memcpy(bytes.data(), octets.data() + record.begin, bytes.size());
  if (answer.addresses.size() < kMaxAddresses)
    answer.addresses.push_back(plain_ip(IpAddress(Address(bytes))));
  return true;
}

/// The first one always has: with none it would be no answer.
bool has_room_for(const Answer& answer, const std::string& text) {
  std::size_t octets = text.size();
  for (const std::string& other : answer.texts)
    octets += other.size();
  const bool fits = answer.texts.size() < kMaxRecords && octets <= kMaxTextOctets;
  return answer.texts.empty() || fits;
}

/// One or more strings of at most 255 octets (RFC 1035 section 3.3.14), which mean their
/// concatenation (RFC 7208 section 3.3, RFC 8461 section 3.1).
bool add_text(Octets octets, const Record& record, Answer& answer) {
  Octets rest = data_of(octets, record);
  if (rest.empty()) return false;
  std::string text;
  while (!rest.empty()) {
    const std::size_t length = rest[0];
    if (rest.size() <= length) return false;
    text.append(reinterpret_cast<const char*>(rest.data()) + 1, length);
    rest = rest.subspan(length + 1);
  }
  if (has_room_for(answer, text)) answer.texts.push_back(std::move(text));
  return true;
}

/// False, too, when there are more than are kept: one that is left out could be the one that
/// matches.
bool add_tlsa(Octets octets, const Record& record, Answer& answer) {
  const Octets data = data_of(octets, record);
  if (answer.tlsa.size() == kMaxRecords) return false;
  if (data.size() < 4) return false;  // RFC 6698 section 2.1: data is never empty
  TlsaRecord out;
  out.usage = data[0];
  out.selector = data[1];
  out.matching = data[2];
  out.data.assign(reinterpret_cast<const char*>(data.data()) + 3, data.size() - 3);
  answer.tlsa.push_back(std::move(out));
  return true;
}

bool add(RecordType type, Octets octets, const Record& record, Answer& answer) {
  namespace ip = boost::asio::ip;
  switch (type) {
    case RecordType::a:
      return add_address<ip::address_v4>(octets, record, answer);
    case RecordType::aaaa:
      return add_address<ip::address_v6>(octets, record, answer);
    case RecordType::mx:
      return add_mx(octets, record, answer);
    case RecordType::cname:
    case RecordType::ptr:
      return add_name(octets, record, answer);
    case RecordType::txt:
      return add_text(octets, record, answer);
    case RecordType::tlsa:
      return add_tlsa(octets, record, answer);
  }
  return false;
}

/// RFC 2308 section 5: the lesser of the SOA's own TTL and its MINIMUM.
std::optional<std::chrono::seconds> negative_ttl_of(Octets octets, const Message& message) {
  for (const Record& record : message.authority) {
    if (record.type != kSoa) continue;
    std::size_t at = record.begin;
    if (!read_name(octets, at) || !read_name(octets, at)) return std::nullopt;
    if (at + kSoaNumbers != record.begin + record.size) return std::nullopt;
    const std::uint32_t minimum = read_number(octets, at + kSoaNumbers - 4, 4);
    return std::chrono::seconds(std::min(minimum, record.ttl));
  }
  return std::nullopt;
}

/// The records that answer the question, and how they are found.
class Reader {
 public:
  Reader(RecordType type, Octets octets, const Message& message, Answer& answer)
      : type_(type), octets_(octets), message_(message), answer_(answer) {
    answer_.canonical = message.question;
  }

  /// False: there is no telling what it means.
  bool read() { return follow_aliases() && take_records(); }

 private:
  const Record* alias_of(const std::string& name) const {
    for (const Record& record : message_.answers) {
      if (is(record, RecordType::cname) && record.owner == name) return &record;
    }
    return nullptr;
  }
  static bool is(const Record& record, RecordType type) {
    return record.type == static_cast<std::uint16_t>(type) && record.rr_class == kInternet;
  }
  void keep_for(const Record& record) {
    const std::chrono::seconds ttl(record.ttl);
    answer_.ttl = any_ ? std::min(answer_.ttl, ttl) : ttl;
    any_ = true;
  }
  bool follow_aliases() {
    if (type_ == RecordType::cname) return true;
    for (std::size_t links = 0;; ++links) {
      const Record* const alias = alias_of(answer_.canonical);
      if (alias == nullptr) return true;
      std::optional<std::string> target = name_in(octets_, *alias, 0);
      if (!target || links == kMaxAliases) return false;
      keep_for(*alias);
      answer_.canonical = std::move(*target);
    }
  }
  bool take_records() {
    for (const Record& record : message_.answers) {
      if (!is(record, type_) || record.owner != answer_.canonical) continue;
      if (!add(type_, octets_, record, answer_)) return false;
      keep_for(record);
      found_ = true;
    }
    if (!found_) answer_.status = Status::no_data;
    return true;
  }

  RecordType type_;
  Octets octets_;
  const Message& message_;
  Answer& answer_;
  bool any_ = false;
  bool found_ = false;
};

/// The status of a message's RCODE (RFC 1035 section 4.1.1) before its records are looked at.
Status status_of_rcode(std::uint8_t rcode) {
  if (rcode == 0) return Status::ok;
  return rcode == kNxDomain ? Status::nx_domain : Status::server_failure;
}

}  // namespace

Answer read_answer(RecordType type, int status, Octets octets) {
  Answer answer;
  answer.status = status_of(status);
  if (answer.status != Status::ok) return answer;
  const std::optional<Message> message = read_message(octets);
  if (!message) {
    answer.status = Status::server_failure;
    return answer;
  }
  answer.status = status_of_rcode(message->rcode);
  answer.secure = message->authentic && !is_transient(answer.status);
  if (answer.status == Status::ok && !Reader(type, octets, *message, answer).read()) {
    answer = Answer();
  }
  if (answer.status == Status::no_data || answer.status == Status::nx_domain) {
    answer.ttl = std::chrono::seconds(0);
    answer.negative_ttl = negative_ttl_of(octets, *message);
  }
  return answer;
}

AddressAnswer join(const Answer& v6, const Answer& v4) {
  AddressAnswer both;
  both.addresses = v6.addresses;
  both.addresses.insert(both.addresses.end(), v4.addresses.begin(), v4.addresses.end());
  both.canonical = v6.canonical.empty() ? v4.canonical : v6.canonical;
  both.secure = (v6.secure || is_transient(v6.status)) && (v4.secure || is_transient(v4.status));
  if (!both.addresses.empty()) {
    both.status = Status::ok;
    both.ttl = v6.addresses.empty()   ? v4.ttl
               : v4.addresses.empty() ? v6.ttl
                                      : std::min(v6.ttl, v4.ttl);
  } else if (is_transient(v4.status) || is_transient(v6.status)) {
    both.status = is_transient(v4.status) ? v4.status : v6.status;
    both.secure = false;
  } else if (v4.status == v6.status) {
    both.status = v4.status;
  } else {
    both.status = Status::no_data;  // one of the two knows the name
  }
  return both;
}

}  // namespace postern::dns
