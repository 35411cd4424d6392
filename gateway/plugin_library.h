// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <string>

namespace postern::gateway {

/// A finding's code, and what is wrong.
struct PluginFault {
  std::string code;
  std::string message;
};

/// The handle of the shared object that is at `path` (from the root on) now, for dlsym(). The same
/// file gives the same handle; one that was put in its place is loaded beside it. Nothing is ever
/// closed. A file that was written into since it was loaded is refused: the process runs a mixture
/// of both already. Any thread; runs the object's initialisers.
Result<void*, PluginFault> load_plugin_library(const std::string& path);

}  // namespace postern::gateway
