// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/decided_letter.h"
#include "gateway/letter_copies.h"
#include "gateway/letter_tools.h"
#include "gateway/recording.h"
#include "gateway/runtime.h"
#include "queue/engine.h"
#include "smtp/session/service.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::gateway {

/// One letter of a listener with `delivery = "auto"` or "queue": its recipients may go to any next
/// hops, its octets stream into the spool while they come, and its 250 means R15. A recipient that
/// circles (R13) is answered alone.
class StoredLetter final : public DecidedLetter {
 public:
  StoredLetter(std::shared_ptr<const Runtime> runtime,
               const ListenerRuntime& listener,
               const smtp::SessionFacts& session,
               const smtp::Sender& sender,
               LetterTools tools);
  ~StoredLetter() override;

  net::Awaitable<smtp::Reply> recipient(const smtp::Recipient& recipient) override;
  net::Awaitable<smtp::Reply> take(const smtp::Recipient& recipient,
                                   routing::Decision decision) override;
  net::Awaitable<smtp::Reply> begin_message() override;
  net::Awaitable<void> write(std::string_view octets) override;
  void checked(const smtp::ContentFacts& facts) override { content_ = facts; }
  net::Awaitable<smtp::Reply> finish() override;
  void refused(const smtp::Reply& why) override;

 private:
  net::Awaitable<void> pass_header();
  net::Awaitable<void> append(std::string octets);
  net::Awaitable<bool> wait_for_memory();
  /// R13; an empty reply, or why nobody may get the message.
  smtp::Reply judge(std::string_view header);
  void add_copies(routing::MessageFacts& facts);
  spool::Envelope make_envelope() const;
  void fail(smtp::Reply why);
  /// Tells the memory's budget how much of the header block is held back now.
  void count_header();
  void log(const LetterRecipient& recipient,
           const smtp::Reply& reply,
           std::string_view outcome) const;
  void tell_forwarded() const;
  void log_all(const smtp::Reply& reply, std::string_view outcome);

  std::shared_ptr<const Runtime> runtime_;
  const ListenerRuntime& listener_;
  const smtp::SessionFacts& session_;
  smtp::Sender sender_;
  LetterTools tools_;
  Recording recording_;
  std::string id_;  ///< the spool's from the message's begin on
  net::TimePoint began_;
  std::vector<LetterRecipient> accepted_;  ///< behind the header: the copies too
  std::optional<spool::Draft> draft_;
  std::string header_;  ///< what has come while the header block is not complete
  std::int64_t counted_header_ = 0;
  bool header_passed_ = false;
  spool::LoopFacts loop_;
  bool tls_not_required_ = false;
  smtp::ContentFacts content_;
  std::uint32_t header_octets_ = 0;  ///< with our own field
  smtp::Reply failure_;              ///< why the rest is swallowed
  std::uint64_t octets_ = 0;
  unsigned forged_traces_ = 0;
  bool settled_ = false;  ///< logged
};

}  // namespace postern::gateway
