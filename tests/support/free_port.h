// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace postern::test {

/// A TCP port of 127.0.0.1 that nothing listens on, for a server that cannot be told to choose one
/// itself, and that may be stopped and started on it. It is below the kernel's ephemeral range, so
/// that no outgoing connection takes it in between. Throws when there is none. Any thread.
std::uint16_t free_port();

}  // namespace postern::test
