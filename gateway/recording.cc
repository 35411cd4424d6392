// SPDX-License-Identifier: Apache-2.0
#include "gateway/recording.h"

#include "gateway/envelope_recorder.h"
#include "routing/mailbox_key.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace postern::gateway {
namespace {

constexpr std::size_t kHashOctets = 8;

std::string hash_of(std::string_view text, std::string_view key) {
  const std::string message = "postern record\n" + std::string(text);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  HMAC(EVP_sha256(),
       key.data(),
       static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()),
       message.size(),
       digest.data(),
       nullptr);
  std::string out = "~";
  for (std::size_t i = 0; i < kHashOctets; ++i)
    fmt::format_to(std::back_inserter(out), "{:02x}", digest[i]);
  return out;
}

/// Who is logged in: an address, or a name.
std::string hashed_identity(const std::string& identity, const routing::Config& config) {
  if (identity.empty()) return {};
  const std::size_t at = identity.rfind('@');
  if (at == std::string::npos) return hash_of(identity, config.routing.trace_key);
  const smtp::Mailbox mailbox(identity.substr(0, at), identity.substr(at + 1));
  return hashed(mailbox, config).text();
}

}  // namespace

smtp::Mailbox hashed(const smtp::Mailbox& mailbox, const routing::Config& config) {
  if (mailbox.empty() || !mailbox.has_domain()) return mailbox;  // the null sender, Postmaster
  const routing::LocalKey key(mailbox.local(), config.recipients.case_sensitive);
  return {hash_of(key.view(), config.routing.trace_key), mailbox.domain()};
}

Recording::Recording(EnvelopeRecorder* recorder,
                     const Config& config,
                     const ListenerRuntime& listener,
                     const smtp::SessionFacts& session,
                     const smtp::Sender& sender)
    : recorder_(config.record.envelopes != 0 ? recorder : nullptr), config_(config) {
  if (recorder_ == nullptr) return;
  envelope_.time =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  envelope_.client = session.client;
  envelope_.listener = listener.name;
  envelope_.identity = session.identity;
  envelope_.sender = sender.path.mailbox();
  envelope_.size = sender.parameters.size;
  if (!config.record.hash) return;
  envelope_.hashed = true;
  envelope_.identity = hashed_identity(envelope_.identity, config.routing);
  envelope_.sender = hashed(envelope_.sender, config.routing);
}

void Recording::add(const smtp::Mailbox& recipient, const routing::Decision& decision) {
  if (recorder_ == nullptr) return;
  RecordedRecipient one{recipient, way_of(decision)};
  if (envelope_.hashed) {
    one.address = hashed(one.address, config_.routing);
    one.way.recipient_out = hashed(one.way.recipient_out, config_.routing);
    for (CopyWay& copy : one.way.copies)
      copy.recipient_out = hashed(copy.recipient_out, config_.routing);
  }
  envelope_.recipients.push_back(std::move(one));
}

Recording::~Recording() {
  if (recorder_ != nullptr && !envelope_.recipients.empty()) recorder_->record(envelope_);
}

}  // namespace postern::gateway
