// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/cutover_list.h"
#include "routing/directory.h"
#include "routing/pipeline.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace postern::routing::testing {

// The parties of the example: mail-flow.md, "Who is who".
inline constexpr std::string_view kStranger = "203.0.113.9";  // E
inline constexpr std::string_view kExchange = "10.0.0.5";     // X
inline constexpr std::string_view kWorkspace = "10.0.1.10";   // V
inline constexpr std::string_view kDlp = "10.0.2.20";
inline constexpr std::string_view kService = "10.0.1.77";  // may relay, belongs to no next hop

/// The example of the README, in code: company.ru moves from Exchange to VK WorkSpace behind a DLP.
Config example_config();

/// A file in a folder of its own, gone with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  void write(std::string_view content) const;       ///< in place
  void replace_by(std::string_view content) const;  ///< another file under the same name
  void remove() const;

 private:
  std::string folder_;
  std::string path_;
};

/// A directory that knows whom a test says. Addresses by main domain, lower case.
class FakeDirectory final : public Directory {
 public:
  std::set<std::string> known;
  bool available = true;
  bool immediate = true;

  bool is_immediate() const override { return immediate; }
  DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override;
  net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override;
};

/// What one asks in a test.
struct Question {
  std::string_view client = kStranger;
  std::string_view to;
  std::string_view from = "nina@corp.com";
  Role role = Role::mx;
  std::string_view listener_from = {};
  std::string_view identity = {};
};

/// The example with its directory and cut-over list: i.ivanov, v.vetrov and n.new have mailboxes in
/// V, v.vetrov has left X. `change` edits the config before the pipeline is built.
class World {
 public:
  explicit World(const std::function<void(Config&)>& change = {},
                 const Registry& registry = Registry::builtin());

  Decision decide(const Question& question) const;
  /// "exchange u@company.ru", "mx:corp.com u@corp.com", "550 5.7.1 relay_access": one word each for
  /// where, and the address or the stage.
  std::string outcome(const Question& question) const;

  const Pipeline& pipeline() const { return *pipeline_; }
  Config config;
  FakeDirectory directory;
  TemporaryFile cutover{"v.vetrov@company.ru\n"};

 private:
  std::unique_ptr<CutoverLists> lists_;
  std::optional<Pipeline> pipeline_;
};

/// An address as a client writes it between the brackets; "Postmaster" has no domain.
smtp::Mailbox mailbox(std::string_view text);
std::string outcome_of(const Decision& decision);

/// A decision as explain shows it, for messages of failed tests.
std::string trace_of(const Decision& decision);

/// Runs a decision that has to ask somebody.
Decision run(const Pipeline& pipeline, const Request& request);

/// A Progress for a stage's own test: `to`, at a domain of `config` or elsewhere.
struct Situation {
  Situation(const Config& config, const Question& question);
  DomainIndex domains;
  Request request;
  Progress progress;
};

/// The verdict of a stage that answers at once; its reason may outlive the stage. A route has its
/// address, as the pipeline would fill it in.
Verdict ask(const Stage& stage, const Progress& progress);

}  // namespace postern::routing::testing
