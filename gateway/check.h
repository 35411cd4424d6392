// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/finding.h"
#include "gateway/list_files.h"

#include <vector>

namespace postern::gateway {

/// What is wrong or doubtful about a config that could be read: files that are missing, an open
/// relay, a way that leads back to postern itself, settings that never have an effect. Looks at the
/// files that the config names; asks no network. Ordered by place in the file.
std::vector<Finding> check(const Config& config);
/// The same with the config's lists, which were read already.
std::vector<Finding> check(const Config& config, const ListFiles& lists);

}  // namespace postern::gateway
