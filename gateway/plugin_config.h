// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace postern::gateway {

/// `[[plugin]]`: a shared object with stages of a site's own (docs/stages.md).
struct PluginConfig {
  std::string path;                                         ///< from the root on
  std::map<std::string, std::string, std::less<>> options;  ///< what the plug-in is told
  std::vector<std::string> replaces;  ///< built-in stages whose place it may take
};

}  // namespace postern::gateway
