// SPDX-License-Identifier: Apache-2.0
#include "routing/trace.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <charconv>

namespace postern::routing {
namespace {

constexpr std::size_t kMaxGatewayId = 80;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_id_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/// Takes words off the front of a body.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  bool take(std::string_view word) {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// Up to a semicolon, a blank or the end.
  std::string_view value() {
    skip_blanks();
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != ';' && !is_blank(rest_[end]))
      ++end;
    const std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return out;
  }
  bool at_end() {
    skip_blanks();
    return rest_.empty();
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front()))
      rest_.remove_prefix(1);
  }
  std::string_view rest_;
};

bool read_hex(std::string_view text, TraceHex& out) {
  if (text.size() != out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char c = text[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    out[i] = c;
  }
  return true;
}

bool read_pass(std::string_view text, unsigned& out) {
  if (text.empty() || text.front() == '0') return false;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc() && end == text.data() + text.size() && out <= kMaxTracePass;
}

TraceHex to_hex(const unsigned char* octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  TraceHex out{};
  for (std::size_t i = 0; i < out.size() / 2; ++i) {
    out[2 * i] = kDigits[octets[i] >> 4U];
    out[2 * i + 1] = kDigits[octets[i] & 0xfU];
  }
  return out;
}

std::string_view view(const TraceHex& hex) {
  return {hex.data(), hex.size()};
}

/// A host name is its own id, unless it could not stand in the field or would make it too long.
std::string gateway_id(std::string_view hostname) {
  std::string id(hostname);
  for (char& c : id) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  const bool fits =
      !id.empty() && id.size() <= kMaxGatewayId && std::all_of(id.begin(), id.end(), is_id_octet);
  if (fits) return id;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(hostname.data(), hostname.size(), digest, &size, EVP_sha256(), nullptr);
  return "h-" + std::string(view(to_hex(digest)));
}

}  // namespace

std::optional<TraceField> parse_trace(std::string_view body) {
  Reader reader(body);
  TraceField field;
  if (!reader.take("id=")) return std::nullopt;
  field.gateway = reader.value();
  if (field.gateway.empty() || field.gateway.size() > kMaxGatewayId) return std::nullopt;
  if (!reader.take(";") || !reader.take("box=")) return std::nullopt;
  if (!read_hex(reader.value(), field.mailbox)) return std::nullopt;
  if (!reader.take(";")) return std::nullopt;
  if (reader.take("copy=")) {
    if (!read_hex(reader.value(), field.message)) return std::nullopt;
  } else if (!reader.take("pass=") || !read_pass(reader.value(), field.pass)) {
    return std::nullopt;
  }
  if (!reader.take(";") || !reader.take("mac=")) return std::nullopt;
  if (!read_hex(reader.value(), field.mac) || !reader.at_end()) return std::nullopt;
  return field;
}

Tracer::Tracer(std::string_view hostname, std::string key)
    : id_(gateway_id(hostname)), key_(std::move(key)) {}

/// The parts are separated by an octet that none of them holds.
TraceHex Tracer::sign(std::string_view purpose, std::string_view a, std::string_view b) const {
  const std::string text = fmt::format("{}\n{}\n{}\n{}", purpose, id_, a, b);
  unsigned char digest[EVP_MAX_MD_SIZE] = {};
  unsigned size = 0;
  HMAC(EVP_sha256(),
       key_.data(),
       static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()),
       text.size(),
       digest,
       &size);
  return to_hex(digest);
}

TraceHex Tracer::mailbox_hash(std::string_view local, std::string_view domain) const {
  return sign("postern mailbox", local, domain);
}

TraceHex Tracer::mac_of(const TraceHex& mailbox, unsigned pass) const {
  return sign("postern trace", view(mailbox), std::to_string(pass));
}

std::string Tracer::field(const TraceHex& mailbox, unsigned pass) const {
  const TraceHex mac = mac_of(mailbox, pass);
  return fmt::format(
      "Postern-Trace: id={}; box={}; pass={}; mac={}\r\n", id_, view(mailbox), pass, view(mac));
}

TraceHex Tracer::message_hash(std::string_view message) const {
  return sign("postern message", message, {});
}

/// The purpose keeps a token's signature apart from a pass's.
TraceHex Tracer::token_mac_of(const TraceHex& mailbox, const TraceHex& message) const {
  return sign("postern copy", view(mailbox), view(message));
}

std::string Tracer::token(const TraceHex& mailbox, std::string_view message) const {
  const TraceHex hash = message_hash(message);
  const TraceHex mac = token_mac_of(mailbox, hash);
  return fmt::format("Postern-Trace: id={}; box={}; copy={}; mac={}\r\n",
                     id_,
                     view(mailbox),
                     view(hash),
                     view(mac));
}

bool Tracer::verify(const TraceField& field) const {
  if (!is_on() || field.gateway != id_) return false;
  const TraceHex expected = field.is_token() ? token_mac_of(field.mailbox, field.message)
                                             : mac_of(field.mailbox, field.pass);
  return CRYPTO_memcmp(expected.data(), field.mac.data(), expected.size()) == 0;
}

Tracer::Passes::Passes(const Tracer& tracer, const MessageFacts& facts)
    : tracer_(tracer), facts_(facts) {
  if (!tracer.is_on()) return;
  for (const std::string_view body : facts.trace_fields) {
    const std::optional<TraceField> field = parse_trace(body);
    if (!field) {
      ++forged_;
    } else if (field->gateway == tracer.id_) {  // another gateway counts for itself
      entries_.push_back(Entry{*field});
    }
  }
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.field.mailbox < b.field.mailbox;
  });
}

bool Tracer::Passes::is_genuine(Entry& entry) {
  if (entry.state == Entry::State::unseen) {
    const bool genuine = tracer_.verify(entry.field);
    entry.state = genuine ? Entry::State::genuine : Entry::State::forged;
    if (!genuine) ++forged_;
  }
  return entry.state == Entry::State::genuine;
}

unsigned Tracer::Passes::of(const TraceHex& mailbox) {
  const auto before = [](const Entry& entry, const TraceHex& key) {
    return entry.field.mailbox < key;
  };
  unsigned highest = 0;
  auto it = std::lower_bound(entries_.begin(), entries_.end(), mailbox, before);
  for (; it != entries_.end() && it->field.mailbox == mailbox; ++it) {
    if (!it->field.is_token() && is_genuine(*it)) highest = std::max(highest, it->field.pass);
  }
  return highest;
}

bool Tracer::Passes::has_token(const TraceHex& mailbox) {
  const auto before = [](const Entry& entry, const TraceHex& key) {
    return entry.field.mailbox < key;
  };
  const auto is_ours = [this](const Entry& entry) {
    return (!facts_.by_id.empty() && entry.field.message == tracer_.message_hash(facts_.by_id)) ||
           (!facts_.by_date.empty() && entry.field.message == tracer_.message_hash(facts_.by_date));
  };
  auto it = std::lower_bound(entries_.begin(), entries_.end(), mailbox, before);
  for (; it != entries_.end() && it->field.mailbox == mailbox; ++it) {
    if (it->field.is_token() && is_genuine(*it) && is_ours(*it)) return true;
  }
  return false;
}

unsigned Tracer::Passes::forged() {
  unsigned left = 16;
  for (Entry& entry : entries_) {
    if (entry.state != Entry::State::unseen) continue;
    if (left-- == 0) break;
    is_genuine(entry);
  }
  return forged_;
}

}  // namespace postern::routing
