// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/way_files.h"
#include "tests/routing/example_config.h"

#include <stdexcept>

namespace postern::routing::testing {

/// The example with the ways of docs/ways.md. The sender is the question's.
class WaysWorld {
 public:
  explicit WaysWorld(const std::function<void(Config&)>& change = {}) : config(example_config()) {
    config.domains.front().cutover_file = cutover.path();
    directory.known = {"i.ivanov", "v.vetrov", "n.new"};
    if (change) change(config);
    lists_ = std::make_unique<CutoverLists>(config);
    files_ = std::make_unique<WayFiles>(config);
    const StageSources sources{&config, &directory, lists_.get(), files_.get()};
    Result<Pipeline, std::string> built = Pipeline::build(Registry::builtin(), sources);
    if (!built) throw std::runtime_error(built.error());
    pipeline_.emplace(std::move(*built));
  }

  Decision decide(const Question& question) const {
    smtp::Sender sender;
    if (!question.from.empty()) sender.path = smtp::ReversePath(mailbox(question.from));
    Request request;
    request.client = *parse_ip(question.client);
    request.listener = "mx";
    request.role = question.role;
    request.listener_from = question.listener_from;
    request.identity = question.identity;
    request.recipient = mailbox(question.to);
    request.sender = &sender;
    return *pipeline_->decide_now(request);
  }
  std::string outcome(const Question& question) const { return outcome_of(decide(question)); }
  /// "dual exchange u@company.ru; journal ...": the copies.
  std::string copies(const Question& question) const {
    std::string out;
    for (const Copy& copy : decide(question).also) {
      if (!out.empty()) out += "; ";
      out += std::string(copy_name(copy.kind)) + " " + copy.target.name() + " " +
             copy.recipient_out.text();
    }
    return out;
  }
  const Pipeline& pipeline() const { return *pipeline_; }

  TemporaryFile cutover{"v.vetrov@company.ru\n"};
  Config config;
  FakeDirectory directory;

 private:
  std::unique_ptr<CutoverLists> lists_;
  std::unique_ptr<WayFiles> files_;
  std::optional<Pipeline> pipeline_;
};

}  // namespace postern::routing::testing
