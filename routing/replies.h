// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/reply.h"

/// Every sentence that routing says to a client. All are literals: no allocation. They name no host
/// and no setting, since strangers read them; the reason for the administrator is in the trace.
namespace postern::routing::replies {

inline smtp::Reply recipient_ok() {
  return {
      250, {2, 1, 5},
       Text::literal("recipient ok")
  };
}
/// R2: what strangers get for recipients elsewhere.
inline smtp::Reply relaying_denied() {
  return {
      550, {5, 7, 1},
       Text::literal("relaying denied")
  };
}
/// R2: a local part that another server may take for a route.
inline smtp::Reply routed_local_part() {
  return {
      550, {5, 7, 1},
       Text::literal("relaying denied: no route in a local part")
  };
}
/// R3
inline smtp::Reply authentication_required() {
  return {
      530, {5, 7, 0},
       Text::literal("authentication required")
  };
}
/// R8, R9
inline smtp::Reply no_such_mailbox() {
  return {
      550, {5, 1, 1},
       Text::literal("no such mailbox here")
  };
}
/// R8, R9, R5: who is asked cannot answer.
inline smtp::Reply directory_unavailable() {
  return {
      451, {4, 4, 3},
       Text::literal("the recipient cannot be looked up now; try again later")
  };
}
/// R5: two waves claim the recipient.
inline smtp::Reply ambiguous_way() {
  return {
      451, {4, 3, 5},
       Text::literal("the recipient's way is not clear now; try again later")
  };
}
/// R7
inline smtp::Reply routing_loop() {
  return {
      554, {5, 4, 6},
       Text::literal("routing loop: the mail would go back where it came from")
  };
}
/// R13
inline smtp::Reply too_many_hops() {
  return {
      554, {5, 4, 6},
       Text::literal("routing loop: too many Received fields")
  };
}
/// R13
inline smtp::Reply too_many_passes() {
  return {
      554, {5, 4, 6},
       Text::literal("routing loop: this message was here before")
  };
}
/// Nothing decided: stages are left out.
inline smtp::Reply no_way() {
  return {
      550, {5, 4, 4},
       Text::literal("no route to this recipient")
  };
}
/// `<Postmaster>` with no domain of ours.
inline smtp::Reply no_postmaster() {
  return {
      550, {5, 1, 1},
       Text::literal("no mailboxes here")
  };
}

}  // namespace postern::routing::replies
