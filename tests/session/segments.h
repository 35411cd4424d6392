// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace postern::smtp {

/// TCP segments with data that a connected socket has received. Zero: the kernel does not tell.
unsigned data_segments_in(int socket);

}  // namespace postern::smtp
