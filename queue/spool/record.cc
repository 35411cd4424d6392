// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/record.h"

#include "base/crc32c.h"
#include "queue/spool/codec.h"
#include "queue/spool/errors.h"

#include <algorithm>
#include <limits>

namespace postern::spool {
namespace {

constexpr std::uint8_t kFirstVersion = 1;
/// With what copies need behind the fields of version 1: written where there is any.
constexpr std::uint8_t kVersionWithCopies = 2;
/// With the past tries behind those, whether there are copies or not.
constexpr std::uint8_t kVersionWithTries = 3;
/// With flags that say which of those parts there are, and what the header says of TLS.
constexpr std::uint8_t kVersionWithTls = 4;
constexpr std::size_t kHeadOctets = 5;  // version, checksum
// The least that a recipient and a trace field take: what a count is believed up to.
constexpr std::size_t kLeastRecipient = 13;
constexpr std::uint64_t kMaxReplyCode = 999;
constexpr std::uint64_t kMax16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint8_t kIpv4 = 4;
constexpr std::uint8_t kIpv6 = 6;

template <class Bits>
std::uint8_t flags(const Bits& bits) {
  std::uint8_t value = 0;
  unsigned shift = 0;
  for (const bool bit : bits)
    value = static_cast<std::uint8_t>(value | (bit ? 1U : 0U) << shift++);
  return value;
}

bool flag(std::uint64_t value, unsigned index) {
  return (value >> index & 1U) != 0;
}

std::string owned(ByteReader& in) {
  return std::string(in.text());
}

// ---- addresses ----

void write(ByteWriter& out, const smtp::Mailbox& mailbox) {
  out.text(mailbox.local());
  out.text(mailbox.domain());
}

smtp::Mailbox read_mailbox(ByteReader& in) {
  const std::string_view local = in.text();
  const std::string_view domain = in.text();
  return {local, domain};
}

void write(ByteWriter& out, const IpAddress& address) {
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    out.octet(kIpv4);
    for (const unsigned char b : bytes)
      out.octet(b);
    return;
  }
  const auto bytes = address.to_v6().to_bytes();
  out.octet(kIpv6);
  for (const unsigned char b : bytes)
    out.octet(b);
  out.number(address.to_v6().scope_id());
}

template <class Bytes>
Bytes read_bytes(ByteReader& in) {
  Bytes bytes{};
  for (auto& b : bytes)
    b = in.octet();
  return bytes;
}

IpAddress read_ip(ByteReader& in) {
  namespace ip = boost::asio::ip;
  const std::uint8_t family = in.octet();
  if (family == kIpv4) return ip::address_v4(read_bytes<ip::address_v4::bytes_type>(in));
  if (family != kIpv6) {
    in.fail();
    return {};
  }
  const auto bytes = read_bytes<ip::address_v6::bytes_type>(in);
  return ip::address_v6(bytes, static_cast<std::uint32_t>(in.number(kMax32)));
}

// ---- MAIL, RCPT, replies ----

void write(ByteWriter& out, const smtp::Sender& sender) {
  const smtp::MailParameters& p = sender.parameters;
  write(out, sender.path.mailbox());
  out.octet(flags(std::initializer_list<bool>{p.size.has_value(), p.smtputf8, p.requiretls}));
  if (p.size) out.number(*p.size);
  out.octet(static_cast<std::uint8_t>(p.body));
  out.octet(static_cast<std::uint8_t>(p.ret));
  out.text(p.envid);
  out.text(p.auth);
}

smtp::Sender read_sender(ByteReader& in) {
  smtp::Sender sender;
  smtp::MailParameters& p = sender.parameters;
  sender.path = smtp::ReversePath(read_mailbox(in));
  const std::uint64_t bits = in.number(7);
  if (flag(bits, 0)) p.size = in.number();
  p.smtputf8 = flag(bits, 1);
  p.requiretls = flag(bits, 2);
  p.body = static_cast<smtp::Body>(in.number(static_cast<std::uint64_t>(smtp::Body::binary_mime)));
  p.ret = static_cast<smtp::Ret>(in.number(static_cast<std::uint64_t>(smtp::Ret::headers)));
  p.envid = owned(in);
  p.auth = owned(in);
  return sender;
}

void write(ByteWriter& out, const smtp::Reply& reply) {
  out.number(static_cast<std::uint64_t>(reply.code()));
  out.number(reply.status().klass);
  out.number(reply.status().subject);
  out.number(reply.status().detail);
  out.text(reply.text());
}

smtp::Reply read_reply(ByteReader& in) {
  const auto code = static_cast<int>(in.number(kMaxReplyCode));
  smtp::EnhancedStatus status;
  status.klass = static_cast<std::uint16_t>(in.number(kMax16));
  status.subject = static_cast<std::uint16_t>(in.number(kMax16));
  status.detail = static_cast<std::uint16_t>(in.number(kMax16));
  return {code, status, Text(owned(in))};
}

void write(ByteWriter& out, const Recipient& r) {
  const smtp::Notify& notify = r.address.parameters.notify;
  write(out, r.address.address);
  out.octet(flags(std::initializer_list<bool>{
      notify.never, notify.success, notify.failure, notify.delay, r.warned}));
  out.text(r.address.parameters.orcpt);
  out.octet(static_cast<std::uint8_t>(r.fate));
  out.number(r.attempts);
  out.signed_number(r.due.time_since_epoch().count());
  out.text(r.lane);
  out.text(r.last_host);
  write(out, r.last_reply);
}

WallTime read_time(ByteReader& in) {
  return WallTime(std::chrono::microseconds(in.signed_number()));
}

Recipient read_recipient(ByteReader& in) {
  Recipient r;
  r.address.address = read_mailbox(in);
  const std::uint64_t bits = in.number(31);
  r.address.parameters.notify = {flag(bits, 0), flag(bits, 1), flag(bits, 2), flag(bits, 3)};
  r.warned = flag(bits, 4);
  r.address.parameters.orcpt = owned(in);
  r.fate = static_cast<Fate>(in.number(static_cast<std::uint64_t>(Fate::discarded)));
  r.attempts = static_cast<std::uint32_t>(in.number(kMax32));
  r.due = read_time(in);
  r.lane = owned(in);
  r.last_host = owned(in);
  r.last_reply = read_reply(in);
  return r;
}

// ---- the rest of the envelope ----

void write(ByteWriter& out, const Origin& origin) {
  write(out, origin.client);
  out.text(origin.helo);
  out.text(origin.listener);
  out.octet(origin.role);
  out.text(origin.listener_from);
  out.text(origin.identity);
}

Origin read_origin(ByteReader& in) {
  Origin origin;
  origin.client = read_ip(in);
  origin.helo = owned(in);
  origin.listener = owned(in);
  origin.role = in.octet();
  origin.listener_from = owned(in);
  origin.identity = owned(in);
  return origin;
}

void write_fields(ByteWriter& out, const Record& record) {
  const Envelope& e = record.envelope;
  out.octet(
      flags(std::initializer_list<bool>{e.held, e.origin.tls, record.place == BodyPlace::file}));
  if (record.place == BodyPlace::file) out.fixed32(record.body_crc);
  out.signed_number(e.received.time_since_epoch().count());
  out.number(e.octets);
  out.number(e.header_octets);
  out.number(e.config);
  write(out, e.sender);
  write(out, e.origin);
  out.number(e.loop.received);
  out.number(e.loop.trace_fields.size());
  for (const std::string& field : e.loop.trace_fields)
    out.text(field);
  out.number(e.recipients.size());
  for (const Recipient& recipient : e.recipients)
    write(out, recipient);
}

Record read_fields(ByteReader& in) {
  Record record;
  Envelope& e = record.envelope;
  const std::uint64_t bits = in.number(7);
  e.held = flag(bits, 0);
  e.origin.tls = flag(bits, 1);
  const bool tls = e.origin.tls;
  record.place = flag(bits, 2) ? BodyPlace::file : BodyPlace::database;
  if (record.place == BodyPlace::file) record.body_crc = in.fixed32();
  e.received = read_time(in);
  e.octets = in.number();
  e.header_octets = static_cast<std::uint32_t>(in.number(kMax32));
  e.config = in.number();
  e.sender = read_sender(in);
  e.origin = read_origin(in);
  e.origin.tls = tls;
  e.loop.received = static_cast<std::uint32_t>(in.number(kMax32));
  const std::uint64_t traces = in.number(in.rest().size());
  for (std::uint64_t i = 0; i < traces && in.good(); ++i)
    e.loop.trace_fields.push_back(owned(in));
  const std::uint64_t recipients = in.number(in.rest().size() / kLeastRecipient + 1);
  for (std::uint64_t i = 0; i < recipients && in.good(); ++i) {
    e.recipients.push_back(read_recipient(in));
  }
  return record;
}

bool has_copies(const Envelope& e) {
  const auto is_copy = [](const Recipient& r) { return r.copy != 0; };
  return !e.loop.by_id.empty() || !e.loop.by_date.empty() ||
         std::any_of(e.recipients.begin(), e.recipients.end(), is_copy);
}

void write_copies(ByteWriter& out, const Envelope& e) {
  out.text(e.loop.by_id);
  out.text(e.loop.by_date);
  const auto is_copy = [](const Recipient& r) { return r.copy != 0; };
  out.number(
      static_cast<std::uint64_t>(std::count_if(e.recipients.begin(), e.recipients.end(), is_copy)));
  for (std::size_t i = 0; i < e.recipients.size(); ++i) {
    const Recipient& r = e.recipients[i];
    if (r.copy == 0) continue;
    out.number(i);
    out.octet(r.copy);
    write(out, r.copy_of);
  }
}

void read_copies(ByteReader& in, Envelope& e) {
  e.loop.by_id = owned(in);
  e.loop.by_date = owned(in);
  const std::uint64_t copies = in.number(e.recipients.size());
  std::uint64_t next = 0;  // they ascend, so that each stands there once
  for (std::uint64_t i = 0; i < copies && in.good(); ++i) {
    const std::uint64_t index = in.number();
    const std::uint8_t kind = in.octet();
    smtp::Mailbox of = read_mailbox(in);
    if (index < next || index >= e.recipients.size() || kind == 0) {
      in.fail();
      return;
    }
    next = index + 1;
    e.recipients[index].copy = kind;
    e.recipients[index].copy_of = std::move(of);
  }
  if (!has_copies(e)) in.fail();
}

bool has_tries(const Envelope& e) {
  return std::any_of(
      e.recipients.begin(), e.recipients.end(), [](const Recipient& r) { return !r.past.empty(); });
}

/// A list for each recipient, most of them empty.
void write_tries(ByteWriter& out, const Envelope& e) {
  for (const Recipient& r : e.recipients) {
    out.number(r.past.size());
    for (const PastTry& one : r.past) {
      out.signed_number(one.at.time_since_epoch().count());
      out.text(one.host);
      out.text(one.said);
    }
  }
}

void read_tries(ByteReader& in, Envelope& e) {
  for (Recipient& r : e.recipients) {
    const std::uint64_t tries = in.number(kPastTries);
    for (std::uint64_t i = 0; i < tries && in.good(); ++i) {
      PastTry one;
      one.at = read_time(in);
      one.host = owned(in);
      one.said = owned(in);
      r.past.push_back(std::move(one));
    }
    if (!in.good()) return;
  }
  if (!has_tries(e)) in.fail();
}

/// What follows the fields of version 1.
struct Parts {
  bool copies = false;
  bool tries = false;
  bool tls = false;
};

Parts read_parts(std::uint8_t version, ByteReader& in) {
  if (version == kVersionWithCopies) return {true, false, false};
  if (version == kVersionWithTries) return {in.number(1) == 1, true, false};
  if (version != kVersionWithTls) return {};
  const std::uint64_t bits = in.number(7);
  if (!flag(bits, 2)) in.fail();  // an older version says all of that
  return {flag(bits, 0), flag(bits, 1), true};
}

void put_checksum(std::string& bytes, std::size_t begin) {
  // Over the version too: octets that say another version are not taken for a broken checksum.
  const std::string_view all = std::string_view(bytes).substr(begin);
  std::uint32_t crc = crc32c(all.substr(0, 1));
  crc = crc32c(all.substr(kHeadOctets), crc);
  for (std::size_t i = 0; i < 4; ++i)
    bytes[begin + 1 + i] = static_cast<char>(crc >> (8 * i));
}

}  // namespace

void encode_record(const Record& record, std::string& out) {
  const std::size_t begin = out.size();
  ByteWriter writer(out);
  const bool copies = has_copies(record.envelope);
  const bool tries = has_tries(record.envelope);
  const bool tls = record.envelope.tls_not_required;
  writer.octet(tls      ? kVersionWithTls
               : tries  ? kVersionWithTries
               : copies ? kVersionWithCopies
                        : kFirstVersion);
  writer.fixed32(0);
  write_fields(writer, record);
  if (tls) {
    writer.octet(flags(std::initializer_list<bool>{copies, tries, tls}));
  } else if (tries) {
    writer.octet(flags(std::initializer_list<bool>{copies}));
  }
  if (copies) write_copies(writer, record.envelope);
  if (tries) write_tries(writer, record.envelope);
  put_checksum(out, begin);
}

Result<Record> decode_record(std::string_view bytes) {
  ByteReader in(bytes);
  const std::uint8_t version = in.octet();
  const std::uint32_t crc = in.fixed32();
  if (!in.good() || version < kFirstVersion || version > kVersionWithTls) {
    return make_error_code(Errc::bad_record);
  }
  if (crc32c(in.rest(), crc32c(bytes.substr(0, 1))) != crc) {
    return make_error_code(Errc::bad_record);
  }
  Record record = read_fields(in);
  const Parts parts = read_parts(version, in);
  record.envelope.tls_not_required = parts.tls;
  if (parts.copies) read_copies(in, record.envelope);
  if (parts.tries) read_tries(in, record.envelope);
  if (!in.good() || !in.at_end()) return make_error_code(Errc::bad_record);
  return record;
}

void reseal_record(std::string& bytes) {
  if (bytes.size() < kHeadOctets) return;
  if (bytes[0] < static_cast<char>(kVersionWithCopies) ||
      bytes[0] > static_cast<char>(kVersionWithTls)) {
    bytes[0] = static_cast<char>(kFirstVersion);
  }
  put_checksum(bytes, 0);
}

}  // namespace postern::spool
