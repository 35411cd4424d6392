// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/verdict.h"
#include "smtp/session/service.h"

namespace postern::gateway {

/// A letter that may be told where a recipient goes, in place of asking the stages itself: so that
/// the kind of letter can follow from the decision (ByRouteLetter). Of one session, on its thread.
class DecidedLetter : public smtp::Transaction {
 public:
  /// As recipient(), with the pipeline's answer for it.
  virtual net::Awaitable<smtp::Reply> take(const smtp::Recipient& recipient,
                                           routing::Decision decision) = 0;
};

}  // namespace postern::gateway
