// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/proof/persons.h"
#include "routing/pipeline.h"
#include "routing/way_files.h"

#include <memory>
#include <string>

namespace postern::gateway::proof {

/// What those who are not asked would say.
struct StubAnswers {
  routing::Presence presence = routing::Presence::unknown;
  CutoverAnswer cutover = CutoverAnswer::not_listed;
  /// The config with its lists of dual_delivery, for who is on none of them; null: on each. It has
  /// the domains of the one that the stages are built from, in their order.
  const routing::Config* not_dual = nullptr;
};

/// The real stages over answers that are given: no directory, list or server is asked. Immutable;
/// the config outlives it.
class StubbedPipeline {
 public:
  /// `files`: maps of [[rewrite]]; null: the config names none. Error: why the stages cannot be
  /// built.
  static Result<StubbedPipeline, std::string> build(const routing::Config& config,
                                                    const StubAnswers& answers,
                                                    const routing::WayFiles* files);

  /// Always at once: a stage that would have to ask somebody counts as having no opinion.
  routing::Decision decide(const routing::Request& request) const;
  const routing::Pipeline& pipeline() const { return pipeline_; }

 private:
  StubbedPipeline(std::unique_ptr<const routing::Directory> directory, routing::Pipeline pipeline)
      : directory_(std::move(directory)), pipeline_(std::move(pipeline)) {}

  std::unique_ptr<const routing::Directory> directory_;
  routing::Pipeline pipeline_;
};

/// Can a user of the domain be cut over (R5): has it a list, or a wave that is? Whoever may be a
/// member is followed as one and as none, since members may be known to a server alone.
bool has_cutover(const routing::Config& config, const routing::Domain& domain);

}  // namespace postern::gateway::proof
