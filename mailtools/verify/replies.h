// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/verify/plan.h"
#include "smtp/reply.h"

#include <string_view>

namespace postern::verify {

/// What a server was asked when it replied.
enum class Question : std::uint8_t {
  connect,  ///< greeting, EHLO
  sender,   ///< MAIL
  relay,    ///< a recipient elsewhere
  unknown,  ///< a recipient of the domain that the server does not have
  group,    ///< a group that may want authenticated senders
  user,     ///< a recipient that the server must take
  letter,   ///< the end of data
};

/// The code of the trouble (find_advice()) that a refusal stands for, by what Exchange, Postfix and
/// postern say in these cases; "" for a positive reply. Pure.
std::string_view trouble_of(Question question, Side side, const smtp::Reply& reply);

/// A refusal to relay, by its status ("5.7.1") or words. Pure.
bool denies_relay(std::string_view status, std::string_view text);
/// A refusal because there is no such user. Pure.
bool knows_no_user(const smtp::Reply& reply);

}  // namespace postern::verify
