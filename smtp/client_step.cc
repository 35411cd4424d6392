// SPDX-License-Identifier: Apache-2.0
#include "smtp/client_step.h"

#include <cstddef>

namespace postern::smtp {
namespace {

using Step = ClientStep;
using T = ClientTimeouts;

constexpr ClientStepFacts kSteps[] = {
    {Step::connect,    "",         &T::connect,    0, "connecting"                                                     },
    {Step::greeting,   "",         &T::greeting,   2, "waiting for the greeting"                                       },
    {Step::ehlo,       "EHLO",     &T::ehlo,       2, "sending EHLO"                                                   },
    {Step::helo,       "HELO",     &T::ehlo,       2, "sending HELO"                                                   },
    {Step::starttls,   "STARTTLS", &T::tls,        2, "sending STARTTLS"                                               },
    {Step::tls,        "",         &T::tls,        0, "the TLS handshake"                                              },
    {Step::auth,       "AUTH",     &T::ehlo,       0, "logging in"                                                     },
    {Step::rset,       "RSET",     &T::rset,       2, "sending RSET"                                                   },
    {Step::mail,       "MAIL",     &T::mail,       2, "sending MAIL"                                                   },
    {Step::rcpt,       "RCPT",     &T::rcpt,       2, "sending RCPT"                                                   },
    {Step::data,       "DATA",     &T::data,       3, "sending DATA"                                                   },
    {Step::body,       "",         &T::data_block, 0, "sending the message"                                            },
    {Step::chunk,      "BDAT",     &T::data_done,  2, "sending a chunk of the message"                                 },
    {Step::last_chunk,
     "BDAT",                       &T::data_done,
     2,                                               "sending the last chunk: the message may be sent more than once" },
    {Step::data_done,
     "",                           &T::data_done,
     2,                                               "sending the end of data: the message may be sent more than once"},
    {Step::quit,       "QUIT",     &T::quit,       2, "sending QUIT"                                                   },
};

constexpr bool in_order() {
  std::size_t i = 0;
  for (const ClientStepFacts& row : kSteps) {
    if (static_cast<std::size_t>(row.step) != i++) return false;
  }
  return i == static_cast<std::size_t>(Step::quit) + 1;
}
static_assert(in_order(), "one row a step, in the order of ClientStep");

}  // namespace

const ClientStepFacts& facts(ClientStep step) {
  return kSteps[static_cast<std::size_t>(step)];
}

}  // namespace postern::smtp
