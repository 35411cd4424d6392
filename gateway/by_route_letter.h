// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/decided_letter.h"
#include "gateway/letter_tools.h"
#include "gateway/runtime.h"

#include <memory>
#include <string_view>

namespace postern::gateway {

/// The kind of letter that `delivery` asks for.
std::unique_ptr<DecidedLetter> make_letter(Delivery delivery,
                                           std::shared_ptr<const Runtime> runtime,
                                           const ListenerRuntime& listener,
                                           const smtp::SessionFacts& session,
                                           const smtp::Sender& sender,
                                           const LetterTools& tools);

/// One letter where a [[route]] has a `delivery` of its own: the first recipient that is taken says
/// whether it is stored or passed through. One that wants the other gets 452 4.5.3 and comes again
/// in the client's next transaction (RFC 5321 4.5.3.1.10), since a message has one reply.
class ByRouteLetter final : public smtp::Transaction {
 public:
  ByRouteLetter(std::shared_ptr<const Runtime> runtime,
                const ListenerRuntime& listener,
                const smtp::SessionFacts& session,
                const smtp::Sender& sender,
                LetterTools tools);

  net::Awaitable<smtp::Reply> recipient(const smtp::Recipient& recipient) override;
  net::Awaitable<smtp::Reply> begin_message() override;
  net::Awaitable<void> write(std::string_view octets) override;
  void checked(const smtp::ContentFacts& facts) override;
  net::Awaitable<smtp::Reply> finish() override;
  void refused(const smtp::Reply& why) override;

 private:
  /// Makes the letter of this kind, unless there is one.
  void choose(Delivery delivery);

  std::shared_ptr<const Runtime> runtime_;
  const ListenerRuntime& listener_;
  const smtp::SessionFacts& session_;
  smtp::Sender sender_;
  LetterTools tools_;
  std::unique_ptr<DecidedLetter> letter_;
  bool passes_through_ = false;  ///< letter_ is cut-through
  bool has_recipients_ = false;  ///< letter_ cannot be changed for another kind any more
};

}  // namespace postern::gateway
