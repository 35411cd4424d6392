// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/result.hpp>

#include <system_error>

namespace postern {

/// A value or the reason why there is none, for outcomes that are expected. Only what std::expected
/// has too is used (`if (!r)`, `*r`, `r->`, `r.error()`), so that C++23 is one line away.
template <class T, class E = std::error_code>
using Result = boost::system::result<T, E>;

}  // namespace postern
