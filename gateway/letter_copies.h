// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/verdict.h"
#include "smtp/envelope.h"

#include <vector>

namespace postern::gateway {

/// A recipient that was accepted for a letter, or a copy that is made beside one.
struct LetterRecipient {
  smtp::Recipient address;
  routing::Decision decision;  ///< its `copy` tells which it is
  smtp::Mailbox copy_of;       ///< of a copy: the recipient whose way has it
};

/// The copies that the recipients' ways ask for: one for each dual mailbox, one of each journal for
/// the whole letter (R14). Nobody hears of a journal (NOTIFY=NEVER): its failures are the log's
/// matter. A dual copy's failure is told to the sender as any recipient's is; its success is told
/// by the recipient's own way.
std::vector<LetterRecipient> copies_of(const std::vector<LetterRecipient>& recipients);

}  // namespace postern::gateway
