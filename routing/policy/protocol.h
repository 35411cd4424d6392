// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "smtp/reply.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace postern::routing {

// The Postfix policy delegation protocol (SMTPD_POLICY_README of Postfix): a request is lines
// "name=value" and an empty line, an answer "action=..." and an empty line. Pure; any thread.

/// One request under construction. Values have the octets that would end a line, and other
/// controls, replaced by "?", and are cut at kMostValue.
class PolicyQuestion {
 public:
  static constexpr std::size_t kMostValue = 1024;  ///< octets; Postfix' own limit is 2048

  PolicyQuestion& add(std::string_view name, std::string_view value);
  PolicyQuestion& add(std::string_view name, std::uint64_t value);
  /// The request with its empty line.
  std::string finish() &&;

 private:
  std::string text_;
};

/// What a server's action asks for.
enum class PolicyAction : std::uint8_t {
  none,             ///< DUNNO
  ok,               ///< OK, or a number: no right to relay comes of it
  reject,           ///< `reply` is 5xx
  defer,            ///< `reply` is 4xx
  defer_if_permit,  ///< `reply`, unless a later stage refuses
  defer_if_reject,  ///< `reply` in place of a later stage's refusal
  discard,
  told,         ///< WARN or INFO: a line for the log
  unsupported,  ///< PREPEND, FILTER, a restriction's name...: no opinion
};

struct PolicyAnswer {
  PolicyAction action = PolicyAction::none;
  std::string verb;   ///< in upper case, "REJECT"; printable, cut
  std::string text;   ///< what follows it; printable ASCII, cut at kMostPolicyText
  smtp::Reply reply;  ///< of the actions that refuse
};

/// Octets of an answer that are read: beyond, it is none.
inline constexpr std::size_t kMostPolicyAnswer = 8192;
/// Octets of a server's text that a client is told.
inline constexpr std::size_t kMostPolicyText = 200;

/// Where an answer ends, behind its empty line; npos: not yet. Lines may end in CRLF.
std::size_t policy_answer_end(std::string_view octets);

/// An answer with its empty line. Error: why it is none, one line. Attributes besides "action" are
/// passed over; of several actions the last counts, as in Postfix.
Result<PolicyAnswer, std::string> parse_policy_answer(std::string_view answer);

}  // namespace postern::routing
