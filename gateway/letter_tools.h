// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/reverse.h"
#include "gateway/envelope_recorder.h"
#include "gateway/letter_log.h"
#include "queue/engine.h"
#include "queue/hop_pool.h"
#include "queue/spool/spool.h"

namespace postern::gateway {

class Authenticator;  // gateway/authenticator.h
class ClientGate;     // gateway/client_gate.h

/// What letters of one worker share; outlives them.
struct LetterTools {
  queue::HopPool* pool = nullptr;
  queue::Engine* engine = nullptr;
  spool::Spool* spool = nullptr;  ///< of all workers
  const LetterLog* log = nullptr;
  EnvelopeRecorder* recorder = nullptr;   ///< null: nothing is recorded
  Authenticator* auth = nullptr;          ///< of all workers; null: nobody can log in
  dns::ReverseLookup* reverse = nullptr;  ///< null: clients' names are not looked up
  ClientGate* gate = nullptr;             ///< of all workers; null: nobody is limited
};

}  // namespace postern::gateway
