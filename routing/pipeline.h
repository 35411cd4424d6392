// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/domain_index.h"
#include "routing/stage.h"
#include "routing/trace.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::routing {

/// The stages in their order, with the split horizon (R7) around them. Immutable once built; the
/// same pipeline serves RCPT, `explain`, `check` and a retry. Any thread.
class Pipeline {
 public:
  /// Error, as a sentence: a stage that does not exist or is listed twice, a next hop that does not
  /// exist, loop_guard without a trace key.
  static Result<Pipeline, std::string> build(const Registry& registry, const StageSources& sources);

  Pipeline(Pipeline&&) = default;

  /// Decides about `request`, which must live until the decision is there.
  net::Awaitable<Decision> decide(const Request& request) const;
  /// The same without a coroutine, when nothing has to be waited for; nullopt when a stage had to
  /// ask somebody.
  std::optional<Decision> decide_now(const Request& request) const;

  /// R13, once the header block is there: may a message with these facts go to `decision`'s target?
  /// A positive reply, or 554 5.4.6. `forged` (may be null) becomes the number of trace fields that
  /// did not verify (for the log). Without the stage loop_guard nothing is judged.
  smtp::Reply check_message(const Request& request,
                            const Decision& decision,
                            const MessageFacts& facts,
                            unsigned* forged) const;
  /// check_message with its consequence: a decision to route becomes a reject where the message
  /// circles, and a discard where it is a copy that this gateway has sent to this mailbox itself
  /// and that comes back (its loop token says so). Other decisions stay as they are.
  void judge(const Request& request,
             Decision& decision,
             const MessageFacts& facts,
             unsigned* forged) const;
  /// R13: the Postern-Trace field(s) for a message to these recipients ("Postern-Trace: ...\r\n"
  /// each); empty when the target is not X or V (never for mail to other domains).
  std::string trace_fields(const std::vector<const Decision*>& recipients,
                           const MessageFacts& facts) const;

  /// Next hops that a client counts as (R7, R7a).
  Hops origins(const IpAddress& client, std::string_view listener_from) const;
  const Config& config() const { return *sources_.config; }

 private:
  class Course;  // one decision under way: routing/course.h

  /// Asks the stages from `at` on, in one read section, until the course is done or a stage has to
  /// ask somebody: `at` is then its place, and its answer is awaited outside.
  std::optional<net::Awaitable<Verdict>> run(Course& course, std::size_t& at) const;
  explicit Pipeline(const StageSources& sources);
  /// The mailbox in Postern-Trace; nullopt: not of ours.
  std::optional<TraceHex> mailbox_hash(const smtp::Mailbox& mailbox) const;
  bool is_filter(const NextHop& hop) const;
  std::string loop_tokens(const std::vector<const Decision*>& recipients,
                          const MessageFacts& facts) const;

  /// A next hop with the clients that count as it.
  struct Origin {
    const NextHop* hop = nullptr;
    IpSet sources;
    bool is_filter = false;  ///< a gateway that mail passes through (R7a), neither X nor V
  };

  StageSources sources_;
  std::unique_ptr<const DomainIndex> domains_;
  std::vector<Origin> origins_;
  std::vector<std::unique_ptr<Stage>> stages_;
  std::unique_ptr<Stage> relay_access_;  ///< asked even where the list leaves it out (R1)
  std::unique_ptr<const Tracer> tracer_;
  bool guards_loops_ = false;
};

}  // namespace postern::routing
