// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_answers.h"

namespace postern::queue {

using smtp::Reply;

Reply lacking(const smtp::MailParameters& message,
              const smtp::Capabilities& offered,
              bool may_chunk,
              bool secure) {
  if (message.requiretls && !secure) {
    return Reply(550, {5, 7, 10}, "there is no verified TLS with the next hop"_text);
  }
  if (message.requiretls && !offered.requiretls) {
    return Reply(550, {5, 7, 30}, "the next hop cannot promise REQUIRETLS"_text);
  }
  if (message.smtputf8 && !offered.smtputf8) {
    return Reply(550, {5, 6, 7}, "the next hop does not support SMTPUTF8"_text);
  }
  const bool binary = offered.binarymime && offered.chunking && may_chunk;
  if (message.body == smtp::Body::binary_mime && !binary) {
    return Reply(554, {5, 6, 3}, "the next hop does not support BINARYMIME"_text);
  }
  if (message.size && offered.max_size && *message.size > *offered.max_size) {
    return Reply(552, {5, 3, 4}, "the message is too large for the next hop"_text);
  }
  return {};
}

bool another_may_keep_it(const Reply& lack) {
  return lack.status() == smtp::EnhancedStatus{5, 7, 10} ||
         lack.status() == smtp::EnhancedStatus{5, 7, 30};
}

bool is_busy(const Reply& refusal) {
  return refusal.status() == smtp::EnhancedStatus{4, 3, 2} ||
         refusal.status() == smtp::EnhancedStatus{4, 4, 5};
}

const Reply* word_on_message(const smtp::ClientDialogue& dialogue) {
  for (const smtp::ClientDialogue::Answer& answer : dialogue.answers()) {
    if (answer.step == smtp::ClientStep::data_done || answer.step == smtp::ClientStep::chunk ||
        answer.step == smtp::ClientStep::last_chunk) {
      return &answer.reply;
    }
  }
  return nullptr;
}

}  // namespace postern::queue
