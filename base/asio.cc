// SPDX-License-Identifier: Apache-2.0
// Boost.Asio's own translation unit: every other file is compiled against declarations only.
#include <boost/asio/impl/src.hpp>
