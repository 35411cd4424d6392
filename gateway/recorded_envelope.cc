// SPDX-License-Identifier: Apache-2.0
#include "gateway/recorded_envelope.h"

#include "base/crc32c.h"
#include "queue/spool/codec.h"

#include <algorithm>
#include <array>

namespace postern::gateway {
namespace {

using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;
using routing::CopyKind;
using routing::DecisionKind;
using spool::ByteReader;
using spool::ByteWriter;

constexpr std::string_view kMagic = "PsE1";
constexpr std::size_t kHead = 12;  ///< magic, length, checksum
constexpr std::uint8_t kHashed = 1;
constexpr std::uint8_t kSized = 2;
constexpr std::uint8_t kCopies = 4;
/// How recipient_out is written.
enum : std::uint8_t { kNoAddress = 0, kSameAddress = 1, kOtherAddress = 2 };

void write_mailbox(ByteWriter& out, const smtp::Mailbox& mailbox) {
  out.text(mailbox.local());
  out.text(mailbox.has_domain() ? mailbox.domain() : std::string_view());
}

smtp::Mailbox read_mailbox(ByteReader& in) {
  const std::string_view local = in.text();
  const std::string_view domain = in.text();
  return {local, domain};
}

void write_address(ByteWriter& out, const IpAddress& address) {
  const auto write = [&out](const auto& octets) {
    out.octet(static_cast<std::uint8_t>(octets.size()));
    for (const unsigned char octet : octets)
      out.octet(octet);
  };
  if (address.is_v4()) return write(address.to_v4().to_bytes());
  write(address.to_v6().to_bytes());
}

template <class Address>
IpAddress read_octets(ByteReader& in) {
  typename Address::bytes_type octets{};
  for (unsigned char& octet : octets)
    octet = in.octet();
  return Address(octets);
}

IpAddress read_address(ByteReader& in) {
  const std::uint8_t size = in.octet();
  if (size == 4) return read_octets<address_v4>(in);
  if (size == 16) return read_octets<address_v6>(in);
  in.fail();
  return {};
}

/// Octet for octet, which equality of mailboxes is not (domains without case).
bool same_text(const smtp::Mailbox& a, const smtp::Mailbox& b) {
  return a.text() == b.text() && a.local() == b.local();
}

void write_copies(ByteWriter& out, const std::vector<CopyWay>& copies) {
  out.number(copies.size());
  for (const CopyWay& copy : copies) {
    out.octet(static_cast<std::uint8_t>(copy.kind));
    out.text(copy.hop);
    write_mailbox(out, copy.recipient_out);
  }
}

std::vector<CopyWay> read_copies(ByteReader& in, std::size_t octets) {
  // Each takes four octets at least.
  const std::uint64_t count = in.number(octets / 4);
  std::vector<CopyWay> out;
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    const std::uint8_t kind = in.octet();
    if (kind == 0 || kind > static_cast<std::uint8_t>(CopyKind::journal)) in.fail();
    CopyWay copy;
    copy.kind = static_cast<CopyKind>(kind);
    copy.hop = in.text();
    copy.recipient_out = read_mailbox(in);
    out.push_back(std::move(copy));
  }
  return out;
}

void write_recipient(ByteWriter& out, const RecordedRecipient& recipient) {
  const Way& way = recipient.way;
  write_mailbox(out, recipient.address);
  out.octet(static_cast<std::uint8_t>(way.kind));
  out.text(way.stage);
  out.text(way.hop);
  if (way.recipient_out.empty()) {
    out.octet(kNoAddress);
  } else if (same_text(way.recipient_out, recipient.address)) {
    out.octet(kSameAddress);
  } else {
    out.octet(kOtherAddress);
    write_mailbox(out, way.recipient_out);
  }
  out.number(way.code);
  if (way.code == 0) return;
  out.number(way.status.klass);
  out.number(way.status.subject);
  out.number(way.status.detail);
}

std::uint16_t read_short(ByteReader& in) {
  return static_cast<std::uint16_t>(in.number(0xffff));
}

/// Takes only what write_recipient() writes, so that octets and values correspond one to one.
smtp::Mailbox read_recipient_out(ByteReader& in, const smtp::Mailbox& came) {
  switch (in.octet()) {
    case kNoAddress:
      return {};
    case kSameAddress:
      if (came.empty()) in.fail();
      return came;
    case kOtherAddress: {
      smtp::Mailbox other = read_mailbox(in);
      if (other.empty() || same_text(other, came)) in.fail();
      return other;
    }
    default:
      in.fail();
      return {};
  }
}

RecordedRecipient read_recipient(ByteReader& in) {
  RecordedRecipient out;
  out.address = read_mailbox(in);
  const std::uint8_t kind = in.octet();
  if (kind > static_cast<std::uint8_t>(DecisionKind::discard)) in.fail();
  out.way.kind = static_cast<DecisionKind>(kind);
  out.way.stage = in.text();
  out.way.hop = in.text();
  out.way.recipient_out = read_recipient_out(in, out.address);
  out.way.code = read_short(in);
  if (out.way.code == 0) return out;
  out.way.status.klass = read_short(in);
  out.way.status.subject = read_short(in);
  out.way.status.detail = read_short(in);
  return out;
}

bool decode(std::string_view payload, RecordedEnvelope& out) {
  ByteReader in(payload);
  const std::uint8_t flags = in.octet();
  if ((flags & ~(kHashed | kSized | kCopies)) != 0) return false;
  out.hashed = (flags & kHashed) != 0;
  out.knows_copies = (flags & kCopies) != 0;
  out.time = std::chrono::sys_time<std::chrono::milliseconds>(
      std::chrono::milliseconds(in.signed_number()));
  out.client = read_address(in);
  out.listener = in.text();
  out.identity = in.text();
  out.sender = read_mailbox(in);
  out.size.reset();
  if ((flags & kSized) != 0) out.size = in.number();
  // Each takes seven octets at least.
  const std::uint64_t count = in.number(payload.size() / 7);
  out.recipients.clear();
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    out.recipients.push_back(read_recipient(in));
    if (out.knows_copies) out.recipients.back().way.copies = read_copies(in, payload.size());
  }
  return in.good() && in.at_end();
}

}  // namespace

Way way_of(const routing::Decision& decision) {
  Way out;
  out.kind = decision.kind;
  out.stage = decision.stage;
  if (decision.kind == DecisionKind::route) {
    out.hop = decision.target.name();
    out.recipient_out = decision.recipient_out;
    for (const routing::Copy& copy : decision.also)
      out.copies.push_back({copy.kind, copy.target.name(), copy.recipient_out});
  } else if (decision.kind != DecisionKind::discard) {
    out.code = static_cast<std::uint16_t>(decision.reply.code());
    out.status = decision.reply.status();
  }
  return out;
}

void append_record(const RecordedEnvelope& envelope, std::string& out) {
  std::string payload;
  ByteWriter body(payload);
  const int flags = (envelope.hashed ? kHashed : 0) | (envelope.size ? kSized : 0) |
                    (envelope.knows_copies ? kCopies : 0);
  body.octet(static_cast<std::uint8_t>(flags));
  body.signed_number(envelope.time.time_since_epoch().count());
  write_address(body, envelope.client);
  body.text(envelope.listener);
  body.text(envelope.identity);
  write_mailbox(body, envelope.sender);
  if (envelope.size) body.number(*envelope.size);
  body.number(envelope.recipients.size());
  for (const RecordedRecipient& recipient : envelope.recipients) {
    write_recipient(body, recipient);
    if (envelope.knows_copies) write_copies(body, recipient.way.copies);
  }
  ByteWriter record(out);
  record.raw(kMagic);
  record.fixed32(static_cast<std::uint32_t>(payload.size()));
  record.fixed32(crc32c(payload));
  record.raw(payload);
}

/// The next whole record's payload.
std::optional<std::string_view> RecordReader::find() {
  for (;;) {
    const std::size_t at = rest_.find(kMagic);
    const std::size_t passed = at == std::string_view::npos ? rest_.size() : at;
    passed_ += passed;
    rest_.remove_prefix(passed);
    if (rest_.size() < kHead) return std::nullopt;
    ByteReader head(rest_.substr(kMagic.size()));
    const std::uint32_t size = head.fixed32();
    const std::uint32_t sum = head.fixed32();
    const std::string_view payload = rest_.substr(kHead, size);
    if (size <= kMostRecord && payload.size() == size && crc32c(payload) == sum) {
      if (passed_ != 0) ++damaged_;
      position_ += passed_ + kHead + size;
      passed_ = 0;
      rest_.remove_prefix(kHead + size);
      return payload;
    }
    passed_ += 1;
    rest_.remove_prefix(1);
  }
}

bool RecordReader::next(RecordedEnvelope& out) {
  while (const std::optional<std::string_view> payload = find()) {
    if (decode(*payload, out)) return true;
    ++damaged_;
  }
  return false;
}

bool RecordReader::skip() {
  return find().has_value();
}

}  // namespace postern::gateway
