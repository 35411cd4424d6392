// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/command.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace postern::smtp {

/// What may follow a verb on its line.
enum class ArgumentForm : std::uint8_t { none, optional, required };

/// When a verb may be given; a set. Names as in ServerDialogue::Phase.
struct PhaseSet {
  std::uint8_t bits = 0;
  constexpr bool has(unsigned phase) const { return ((bits >> phase) & 1U) != 0; }
};
inline constexpr PhaseSet kAnyPhase{0x3f};       ///< before EHLO too
inline constexpr PhaseSet kGreetedPhases{0x3e};  ///< after HELO or EHLO
inline constexpr PhaseSet kNoTransaction{0x02};  ///< greeted, no MAIL yet
inline constexpr PhaseSet kOutsideTransaction{0x03};
inline constexpr PhaseSet kBeforeContent{0x0c};  ///< between MAIL and the message
inline constexpr PhaseSet kWithRecipient{0x08};  ///< after an accepted RCPT

/// The verbs, one row each. Sequence errors, HELP and the test of every phase x verb pair follow
/// from it. BDAT is allowed everywhere on purpose: its octets follow whatever the reply (RFC 3030
/// 2), so that it has its own rule in the dialogue.
struct VerbRow {
  Verb verb;
  std::string_view name;
  ArgumentForm argument;
  PhaseSet allowed;
  std::string_view help;
};

inline constexpr std::array<VerbRow, 16> kVerbs{
    {
     {Verb::helo, "HELO", ArgumentForm::required, kAnyPhase, "HELO domain"},
     {Verb::ehlo, "EHLO", ArgumentForm::required, kAnyPhase, "EHLO domain"},
     {Verb::mail,
         "MAIL",
         ArgumentForm::required,
         kNoTransaction,
         "MAIL FROM:<address> [parameters]"},
     {Verb::rcpt,
         "RCPT",
         ArgumentForm::required,
         kBeforeContent,
         "RCPT TO:<address> [parameters]"},
     {Verb::data, "DATA", ArgumentForm::none, kWithRecipient, "DATA"},
     {Verb::bdat, "BDAT", ArgumentForm::required, kAnyPhase, "BDAT size [LAST]"},
     {Verb::rset, "RSET", ArgumentForm::none, kAnyPhase, "RSET"},
     {Verb::noop, "NOOP", ArgumentForm::optional, kAnyPhase, "NOOP"},
     {Verb::vrfy, "VRFY", ArgumentForm::required, kAnyPhase, "VRFY address"},
     {Verb::expn, "EXPN", ArgumentForm::required, kAnyPhase, "EXPN list"},
     {Verb::help, "HELP", ArgumentForm::optional, kAnyPhase, "HELP [verb]"},
     {Verb::quit, "QUIT", ArgumentForm::none, kAnyPhase, "QUIT"},
     {Verb::starttls, "STARTTLS", ArgumentForm::none, kNoTransaction, "STARTTLS"},
     {Verb::auth,
         "AUTH",
         ArgumentForm::required,
         kNoTransaction,
         "AUTH mechanism [initial-response]"},
     {Verb::xclient,
         "XCLIENT",
         ArgumentForm::optional,
         kOutsideTransaction,
         "XCLIENT attribute=value..."},
     {Verb::xforward,
         "XFORWARD",
         ArgumentForm::optional,
         kOutsideTransaction,
         "XFORWARD attribute=value..."},
     }
};

/// The row of a verb; null for Verb::unknown.
constexpr const VerbRow* find_verb(Verb verb) {
  for (const VerbRow& row : kVerbs) {
    if (row.verb == verb) return &row;
  }
  return nullptr;
}

}  // namespace postern::smtp
