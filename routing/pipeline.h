// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/stage.h"

#include <memory>
#include <vector>

namespace postern::routing {

/// The stages in their order, with the split horizon (R7) around them. Immutable once built; the
/// same pipeline serves RCPT, `explain`, `check` and a retry. Any thread.
class Pipeline {
 public:
  /// Error: the name of a stage that does not exist.
  static Result<Pipeline, std::string> build(const Registry& registry, const StageSources& sources);

  Pipeline(Pipeline&&) = default;

  /// Decides about `request`, which must live until the decision is there.
  net::Awaitable<Decision> decide(const Request& request) const;
  /// The same when nothing has to be waited for; nullopt when a stage had to ask somebody.
  std::optional<Decision> decide_now(const Request& request) const;

  /// R13, once the header block is there: may a message with these facts go to `decision`'s target?
  /// A positive reply, or 554 5.4.6. `forged` counts trace fields that did not verify (for the
  /// log).
  smtp::Reply check_message(const Request& request,
                            const Decision& decision,
                            const MessageFacts& facts,
                            unsigned* forged) const;
  /// R13: the Postern-Trace field(s) for a message to these recipients ("Postern-Trace: ...\r\n"
  /// each); empty when the target is not X or V (never for mail to other domains).
  std::string trace_fields(const std::vector<const Decision*>& recipients,
                           const MessageFacts& facts) const;

  /// Next hops that a client counts as (R7, R7a).
  std::vector<const NextHop*> origins(const IpAddress& client,
                                      std::string_view listener_from) const;
  const Config& config() const { return *sources_.config; }

 private:
  explicit Pipeline(const StageSources& sources) : sources_(sources) {}

  StageSources sources_;
  std::vector<std::unique_ptr<Stage>> stages_;
};

}  // namespace postern::routing
