// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config_values.h"

#include <string>

namespace postern::gateway {

/// `data_dir` of a config file, whatever else is in it or wrong with it: what a command needs in
/// order to find the gateway that runs.
Parsed<std::string> data_dir_of(const std::string& config_file);

}  // namespace postern::gateway
