// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/plugin_config.h"
#include "plugin/postern/plugin.h"
#include "routing/stage.h"

#include <memory>
#include <string>

namespace postern::gateway {

/// How a stage of a plug-in is made for the pipeline, as often as wanted. A maker that throws gives
/// a stage that defers everything; try_plugin_stage tells before that it would.
routing::StageFactory plugin_stage_factory(std::string name,
                                           std::shared_ptr<const PluginConfig> plugin,
                                           plugin::Maker maker);

/// Makes one and drops it. Error: why it cannot be made, one line.
Result<void, std::string> try_plugin_stage(const PluginConfig& plugin,
                                           plugin::Maker maker,
                                           const routing::Config& config);

}  // namespace postern::gateway
