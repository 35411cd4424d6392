// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "base/result.h"
#include "routing/mailbox_key.h"
#include "routing/request.h"
#include "routing/verdict.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace postern::routing {

class Directory;     // routing/directory.h
class CutoverLists;  // routing/cutover_list.h
class WayFiles;      // routing/way_files.h
class Waves;         // routing/waves.h

/// What stages are made from. Owned by the config snapshot, outlives the stages.
struct StageSources {
  const Config* config = nullptr;
  const Directory* directory = nullptr;   ///< null: every recipient counts as known (R9)
  const CutoverLists* cutover = nullptr;  ///< null: no list could be asked (R5)
  const WayFiles* files = nullptr;  ///< of dual_delivery and rewrite; null: none could be read
  const Waves* waves = nullptr;     ///< null: there are none
  /// Takes a line for the log, from any thread; empty: nobody listens.
  std::function<void(const std::string& line)> notice{};
};

/// One recipient on its way through the stages. Owned by the pipeline's decision under way.
struct Progress {
  const Request* request = nullptr;
  Hops origins;                    ///< next hops that the client counts as (R7, R7a)
  smtp::Mailbox recipient;         ///< now; stages rewrite it
  RecipientKey key;                ///< the recipient's, for the tables of the config
  const Domain* domain = nullptr;  ///< of ours, by its name or an alias; null: elsewhere
  bool under_alias = false;        ///< the recipient's domain is an alias of `domain`
  bool bound = false;              ///< bound to the domain's mailboxes
  bool known = false;              ///< a stage has asked the directory, which has the recipient

  bool is_from(const NextHop& hop) const;
};

/// A stage answers at once, or after asking somebody.
using Answer = std::variant<Verdict, net::Awaitable<Verdict>>;

/// One decision about one recipient. Immutable and shared by all threads; made by the registry from
/// the config. A stage of a site's own is one file and one registration (docs/stages.md).
class Stage {
 public:
  virtual ~Stage() = default;
  /// As in `routing.stages`.
  virtual std::string_view name() const = 0;
  /// In a read section (base/read_section.h): whatever takes longer than memory does is awaited by
  /// the answer. `progress` lives until then.
  virtual Answer evaluate(const Progress& progress) const = 0;
  /// Nothing is configured for it, it would always pass: it is left out, and costs nothing.
  virtual bool is_idle() const { return false; }
};

using StageFactory = std::function<std::unique_ptr<Stage>(const StageSources&)>;

/// Names of stages to how they are made. The built-in ones are in `Registry::builtin()`.
class Registry {
 public:
  static Registry builtin();
  /// The built-in ones and those that a config makes: "policy:NAME" of each `[[policy]]`, and those
  /// of its plug-ins, which may take a built-in one's place.
  static Registry of(const Config& config);
  void add(std::string name, StageFactory factory);
  /// Null: no stage of that name.
  std::unique_ptr<Stage> make(std::string_view name, const StageSources& sources) const;
  std::vector<std::string> names() const;

 private:
  std::vector<std::pair<std::string, StageFactory>> factories_;
};

}  // namespace postern::routing
