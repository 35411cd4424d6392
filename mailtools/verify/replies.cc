// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/replies.h"

#include "mailtools/verify/words.h"

#include <string>

namespace postern::verify {
namespace {

std::string lower_text(const smtp::Reply& reply) {
  return lower_case(reply.text());
}

bool says(const std::string& text, std::string_view words) {
  return text.find(words) != std::string::npos;
}

bool has_status(const smtp::Reply& reply, std::string_view dotted) {
  return reply.status().str() == dotted;
}

bool is_full(const smtp::Reply& reply, const std::string& text) {
  return has_status(reply, "4.3.2") || reply.code() == 421 ||
         says(text, "concurrent connections") || says(text, "too many connections");
}

bool is_unknown_user(const smtp::Reply& reply, const std::string& text) {
  return has_status(reply, "5.1.1") || has_status(reply, "5.1.10") ||
         says(text, "recipientnotfound") || says(text, "user unknown") ||
         says(text, "unknown user");
}

bool wants_login(const smtp::Reply& reply, const std::string& text) {
  return reply.code() == 530 || has_status(reply, "5.7.57") ||
         says(text, "client was not authenticated");
}

std::string_view of_old_server(Question question,
                               const smtp::Reply& reply,
                               const std::string& text) {
  if (wants_login(reply, text) && question != Question::group) return "x-anonymous-refused";
  if (has_status(reply, "5.7.54") || says(text, "unable to relay")) return "x-relay-refused";
  if (has_status(reply, "5.7.133") || has_status(reply, "5.7.129") || says(text, "authrequired") ||
      says(text, "sendernotauthenticatedforgroup") || says(text, "authentication required")) {
    return "x-group-authenticated";
  }
  if (has_status(reply, "5.7.60") || says(text, "send as this sender")) return "x-sender-refused";
  if (is_unknown_user(reply, text)) return "x-recipient-filter";
  if (has_status(reply, "5.3.4") || has_status(reply, "5.2.3")) return "x-size-small";
  switch (question) {
    case Question::relay:
      return "x-relay-refused";
    case Question::group:
      return "x-group-authenticated";
    case Question::unknown:
      return "x-recipient-filter";
    case Question::sender:
      return "x-sender-refused";
    case Question::connect:
    case Question::user:
    case Question::letter:
      break;
  }
  return "refused";
}

std::string_view of_platform(Question question, const smtp::Reply& reply, const std::string& text) {
  if (is_unknown_user(reply, text) && question == Question::user) return "v-alias";
  if (has_status(reply, "5.3.4") || has_status(reply, "5.2.3")) return "v-size-small";
  if (question == Question::user) return "v-alias";
  return "refused";
}

}  // namespace

bool denies_relay(std::string_view status, std::string_view text) {
  const std::string low = lower_case(text);
  return status == "5.7.1" || status == "5.7.54" || says(low, "unable to relay") ||
         says(low, "relay access denied") || says(low, "relaying denied");
}

bool knows_no_user(const smtp::Reply& reply) {
  return reply.is_permanent() && is_unknown_user(reply, lower_text(reply));
}

std::string_view trouble_of(Question question, Side side, const smtp::Reply& reply) {
  if (reply.is_positive()) return {};
  const std::string text = lower_text(reply);
  const bool old_server = side == Side::old_server;
  if (has_status(reply, "5.4.6") || has_status(reply, "5.4.14") || says(text, "hop count exceeded"))
    return "g-loop";
  if (has_status(reply, "4.3.1") || says(text, "insufficient system resources"))
    return old_server ? "x-resources" : "temporary";
  if (is_full(reply, text) && question == Question::connect)
    return old_server ? "x-connections-refused" : "v-connections-refused";
  if (reply.is_transient()) return "temporary";
  if (old_server) return of_old_server(question, reply, text);
  if (side == Side::new_platform) return of_platform(question, reply, text);
  return "refused";
}

}  // namespace postern::verify
