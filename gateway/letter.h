// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/decided_letter.h"
#include "gateway/letter_tools.h"
#include "gateway/recording.h"
#include "gateway/runtime.h"
#include "queue/hop_pool.h"
#include "queue/hop_transaction.h"
#include "routing/pipeline.h"
#include "smtp/session/service.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace postern::gateway {

/// One letter in cut-through mode: decided recipient by recipient, streamed to one next hop,
/// answered with that hop's own reply (R15 without a store). A letter that has copies, or whose
/// recipient is left out by its loop token, cannot be streamed to one: it is stored after all.
/// Recipients bound for another next hop than the first get 452 4.5.3 and come again in the
/// client's next transaction. The header block is held back until it has been judged (R13).
class Letter final : public DecidedLetter {
 public:
  Letter(std::shared_ptr<const Runtime> runtime,
         const ListenerRuntime& listener,
         const smtp::SessionFacts& session,
         const smtp::Sender& sender,
         LetterTools tools);
  ~Letter() override;

  net::Awaitable<smtp::Reply> recipient(const smtp::Recipient& recipient) override;
  net::Awaitable<smtp::Reply> take(const smtp::Recipient& recipient,
                                   routing::Decision decision) override;
  net::Awaitable<smtp::Reply> begin_message() override;
  net::Awaitable<void> write(std::string_view octets) override;
  void checked(const smtp::ContentFacts& facts) override;
  net::Awaitable<smtp::Reply> finish() override;
  void refused(const smtp::Reply& why) override;

 private:
  struct Accepted {
    smtp::Mailbox address;
    smtp::RcptParameters parameters;
    routing::Decision decision;
  };
  enum class Stage { header, passing, swallowing };
  /// Where a letter that forks goes in place of this one; null: it does not.
  using Stored = std::unique_ptr<DecidedLetter>;

  routing::Request request_for(const smtp::Mailbox& recipient) const;
  net::Awaitable<smtp::Reply> add_route(const smtp::Recipient& recipient,
                                        const routing::Decision& decision);
  /// Undoes what was begun with the next hop; what it said is kept for the log.
  void drop_delivery();
  /// From here on the letter is a stored one (letter_fork.cc).
  Stored make_stored() const;
  /// The same when the header has come: with its recipients and what there is of the message.
  net::Awaitable<void> store_from_header();
  bool has_come_back(const routing::MessageFacts& facts) const;
  /// Judges the header block and lets the message go, or not.
  net::Awaitable<void> pass_header();
  smtp::Reply judge(const routing::MessageFacts& facts);
  void log(const smtp::Mailbox& recipient,
           const routing::Decision& decision,
           const smtp::Reply& reply,
           std::string_view outcome) const;
  void log_all(const smtp::Reply& reply, std::string_view outcome);

  std::shared_ptr<const Runtime> runtime_;
  const ListenerRuntime& listener_;
  const smtp::SessionFacts& session_;
  smtp::Sender sender_;
  LetterTools tools_;
  Recording recording_;
  std::string id_;
  net::TimePoint began_;
  std::vector<Accepted> accepted_;
  Stored stored_;
  std::unique_ptr<queue::HopTransaction> delivery_;
  routing::Target target_;        ///< of delivery_
  queue::HopReport last_report_;  ///< of a delivery that is gone
  std::string header_;            ///< what has come while the header block is not complete
  Stage stage_ = Stage::header;
  smtp::Reply failure_;  ///< why the rest is swallowed
  std::uint64_t octets_ = 0;
  unsigned forged_traces_ = 0;
  bool settled_ = false;  ///< logged
};

}  // namespace postern::gateway
