// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"
#include "routing/pipeline.h"

namespace postern::routing {

/// One decision under way: takes the stages' verdicts one by one, keeps the trace, and holds the
/// rules that no stage can break: the split horizon (R7), and that nothing is relayed without
/// relay_access's consent (R1). Lives inside Pipeline::decide.
class Pipeline::Course {
 public:
  /// `decision` is what becomes of it; a new one, which outlives the course.
  Course(const Pipeline& pipeline, const Request& request, Decision& decision);
  Course(const Course&) = delete;
  Course& operator=(const Course&) = delete;

  bool done() const { return done_; }
  const Progress& progress() const { return progress_; }
  /// What `stage` said about progress().
  void take(const Stage& stage, Verdict&& verdict);
  /// After the last stage; a course that is not done gets its refusal here.
  void finish();

 private:
  void begin_postmaster();
  void set_recipient(smtp::Mailbox recipient);
  void prefetch(Directory::Part part) const;
  void take_route(const Stage& stage, RouteTo&& route, Text&& reason);
  void take_fork(const Stage& stage, Fork&& fork, const Text& reason);
  void take_pass(const Stage& stage, Pass&& pass);
  void apply_deferrals();
  bool take_copy_as_way();
  bool stands_after_split_horizon(RouteTo& route, Text& reason);
  bool may_relay();
  TraceStep& note(std::string_view stage, std::string_view verdict, Text&& reason);
  void settle(DecisionKind kind, smtp::Reply reply, std::string_view stage);

  const Pipeline& pipeline_;
  Progress progress_;
  smtp::Mailbox postmaster_;                ///< what `<Postmaster>` stands for
  const smtp::Mailbox* came_as_ = nullptr;  ///< the recipient before any stage
  unsigned asked_ = 0;                      ///< stages so far about this recipient
  bool access_asked_ = false;               ///< relay_access has consented
  bool passed_over_ = false;                ///< R7 took a route away
  bool done_ = false;
  /// What a Pass has left for the end.
  struct Deferral {
    std::string_view stage;
    smtp::Reply reply;
    Text reason;
  };
  std::optional<Deferral> if_taken_;
  std::optional<Deferral> if_refused_;
  Decision& decision_;
};

}  // namespace postern::routing
