// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/recorded_envelope.h"
#include "gateway/runtime.h"
#include "smtp/session/service.h"

#include <string>

namespace postern::gateway {

class EnvelopeRecorder;

/// What one letter tells the recorder: each decision as it is made, all of it when the letter ends,
/// however it ends. Owned by the letter, on its thread. Costs nothing when nothing is recorded.
class Recording {
 public:
  /// `recorder` null, or `[record] envelopes = 0`: nothing is recorded.
  Recording(EnvelopeRecorder* recorder,
            const Config& config,
            const ListenerRuntime& listener,
            const smtp::SessionFacts& session,
            const smtp::Sender& sender);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  void add(const smtp::Mailbox& recipient, const routing::Decision& decision);
  /// Nothing: another letter that this one has become tells it all.
  void drop() { recorder_ = nullptr; }

 private:
  EnvelopeRecorder* recorder_;
  const Config& config_;
  RecordedEnvelope envelope_;
};

/// The address with its local part as a keyed hash (R13's key): "~" and 16 hex digits. The same
/// mailbox has the same hash, however it was written (R8a).
smtp::Mailbox hashed(const smtp::Mailbox& mailbox, const routing::Config& config);

}  // namespace postern::gateway
