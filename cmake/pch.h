// SPDX-License-Identifier: Apache-2.0
// What nearly every source of a target includes, parsed once for all of them
// (PosternTargets.cmake). No header of the project that changes often: all of the target would be
// built again.
#pragma once

#include "base/net.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
