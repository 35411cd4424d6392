// SPDX-License-Identifier: Apache-2.0
// Apart: the kernel's header, which knows the counter, and the C library's, which Asio includes,
// each define the same structures.
#include "segments.h"

#include <linux/in.h>
#include <linux/tcp.h>
#include <sys/socket.h>

namespace postern::smtp {

unsigned data_segments_in(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_data_segs_in;
}

}  // namespace postern::smtp
