// SPDX-License-Identifier: Apache-2.0
#include "gateway/plugins.h"

#include "base/printable.h"
#include "gateway/config_reader.h"
#include "gateway/plugin_library.h"
#include "gateway/plugin_stage.h"
#include "plugin/postern/plugin.h"
#include "routing/stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <dlfcn.h>
#include <exception>
#include <memory>
#include <utility>

namespace postern::gateway {
namespace {

using plugin::Descriptor;
using Fault = PluginFault;

Result<const Descriptor*, Fault> open(const std::string& path) {
  const Result<void*, Fault> library = load_plugin_library(path);
  if (!library) return library.error();
  const void* const symbol = ::dlsym(*library, "postern_plugin");
  const auto* const out = static_cast<const Descriptor*>(symbol);
  if (out == nullptr || out->magic != Descriptor::kMagic) {
    return Fault{"bad-plugin",
                 fmt::format("{} is no plug-in of postern: it does not export postern_plugin; "
                             "write POSTERN_PLUGIN(...) once in it (docs/stages.md)",
                             path)};
  }
  return out;
}

/// What of a descriptor may be read depends on its version: that comes first.
Result<void, Fault> is_compatible(const Descriptor& plugin, const std::string& path) {
  if (plugin.abi != plugin::kAbi) {
    return Fault{"plugin-version",
                 fmt::format("{} was built for version {} of postern/plugin.h, this is version "
                             "{}; build it again with the header of this postern",
                             path,
                             plugin.abi,
                             plugin::kAbi)};
  }
  const std::string_view toolchain = plugin.toolchain != nullptr ? plugin.toolchain : "";
  if (toolchain != plugin::kToolchain) {
    return Fault{"plugin-toolchain",
                 fmt::format("{} was built by {}, postern by {}; build it again by the same",
                             path,
                             printable(toolchain, 100),
                             plugin::kToolchain)};
  }
  const Descriptor own;
  if (plugin.question_octets != own.question_octets ||
      plugin.verdict_octets != own.verdict_octets || plugin.add_stages == nullptr) {
    return Fault{"plugin-version",
                 fmt::format("{} was built with another postern/plugin.h than this postern's; "
                             "build it again with that of this one",
                             path)};
  }
  return {};
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// What a plug-in tells; it may throw whatever it likes.
class Told final : public plugin::Stages {
 public:
  void add(std::string_view name, plugin::Maker maker) override {
    stages.emplace_back(name, maker);
  }
  std::vector<std::pair<std::string, plugin::Maker>> stages;
};

Result<Told, Fault> ask_for_stages(const Descriptor& plugin, const std::string& path) {
  Told told;
  std::string why = "it has none";
  try {
    plugin.add_stages(told);
  } catch (const std::exception& error) {
    why = error.what();
    told.stages.clear();
  } catch (...) {
    why = "it threw";
    told.stages.clear();
  }
  if (!told.stages.empty()) return told;
  return Fault{"plugin-fails",
               fmt::format("{} brings no stage: {}; ask whoever wrote it, or leave the [[plugin]] "
                           "out",
                           path,
                           printable(why, 300))};
}

/// Loads one after the other into one registry.
class Loader {
 public:
  Loader(Config& config, std::vector<Finding>& findings)
      : config_(config),
        findings_(findings),
        builtin_(routing::Registry::of(config.routing).names()),
        stages_(std::make_shared<routing::Registry>()) {}

  void load_all() {
    for (std::size_t i = 0; i < config_.plugins.size(); ++i) {
      const std::string path = fmt::format("plugin[{}].path", i);
      const Result<void, Fault> loaded = load(config_.plugins[i]);
      if (loaded) continue;
      findings_.push_back(
          config_.finding(Severity::error, path, loaded.error().code, loaded.error().message));
      has_failed_ = true;
    }
    config_.routing.more_stages = stages_;
  }
  bool has_failed() const { return has_failed_; }

 private:
  Result<void, Fault> load(const PluginConfig& plugin) {
    const Result<const Descriptor*, Fault> descriptor = open(plugin.path);
    if (!descriptor) return descriptor.error();
    const Result<void, Fault> compatible = is_compatible(**descriptor, plugin.path);
    if (!compatible) return compatible.error();
    const Result<Told, Fault> told = ask_for_stages(**descriptor, plugin.path);
    if (!told) return told.error();
    const auto shared = std::make_shared<const PluginConfig>(plugin);
    for (const auto& [name, maker] : told->stages) {
      const Result<void, Fault> added = add(shared, name, maker);
      if (!added) return added.error();
    }
    return {};
  }

  Result<void, Fault> add(const std::shared_ptr<const PluginConfig>& plugin,
                          const std::string& name,
                          plugin::Maker maker) {
    if (!is_word(name) || maker == nullptr) {
      return Fault{"plugin-fails",
                   fmt::format("{}: \"{}\" is no name of a stage", plugin->path, printable(name))};
    }
    Result<void, Fault> free = is_free(*plugin, name);
    if (!free) return free;
    names_.push_back(name);
    const auto& listed = config_.routing.routing.stages;
    if (std::find(listed.begin(), listed.end(), name) != listed.end()) {
      const Result<void, std::string> made = try_plugin_stage(*plugin, maker, config_.routing);
      if (!made) {
        return Fault{"plugin-fails",
                     fmt::format("{}: the stage \"{}\" cannot be made: {}; see its options",
                                 plugin->path,
                                 name,
                                 made.error())};
      }
    }
    stages_->add(name, plugin_stage_factory(name, plugin, maker));
    return {};
  }

  Result<void, Fault> is_free(const PluginConfig& plugin, const std::string& name) const {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
      return Fault{"duplicate-stage",
                   fmt::format("{}: another plug-in brings a stage \"{}\" already; leave one out",
                               plugin.path,
                               name)};
    }
    if (std::find(builtin_.begin(), builtin_.end(), name) == builtin_.end()) return {};
    // These two are what no stage of a site's own may weaken: R1, R13.
    if (name == "relay_access" || name == "loop_guard") {
      return Fault{
          "duplicate-stage",
          fmt::format("{}: the stage \"{}\" cannot be replaced; give the plug-in's another "
                      "name",
                      plugin.path,
                      name)};
    }
    const std::vector<std::string>& may = plugin.replaces;
    if (std::find(may.begin(), may.end(), name) != may.end()) return {};
    return Fault{
        "duplicate-stage",
        fmt::format("{}: there is a built-in stage \"{}\"; write replaces = [\"{}\"] if the "
                    "plug-in's is meant in its place",
                    plugin.path,
                    name,
                    name)};
  }

  Config& config_;
  std::vector<Finding>& findings_;
  const std::vector<std::string> builtin_;
  std::vector<std::string> names_;  ///< of plug-ins, so far
  std::shared_ptr<routing::Registry> stages_;
  bool has_failed_ = false;
};

}  // namespace

void load_plugins(Config& config, std::vector<Finding>& findings) {
  if (config.plugins.empty()) return;
  Loader loader(config, findings);
  loader.load_all();
  if (loader.has_failed()) return;  // what is unknown may be what did not load
  for (Finding& finding : judge_stages(config))
    findings.push_back(std::move(finding));
}

}  // namespace postern::gateway
