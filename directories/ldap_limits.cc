// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_limits.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <lber.h>
#include <ldap.h>
#include <limits>
#include <poll.h>
#include <sys/socket.h>

namespace postern::directories {
namespace {

/// Above the socket (10), below TLS (20).
constexpr int kLevel = (LBER_SBIOD_LEVEL_PROVIDER + LBER_SBIOD_LEVEL_TRANSPORT) / 2;

int descriptor_of(Sockbuf_IO_Desc* layer) {
  int descriptor = -1;
  ::ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD, &descriptor);
  return descriptor;
}

/// False: the time is over, and errno says so.
bool wait_for(Sockbuf_IO_Desc* layer, short events) {
  const auto& limit = *static_cast<const LdapLimits*>(layer->sbiod_pvt);
  pollfd waiting{descriptor_of(layer), events, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        limit.deadline - std::chrono::steady_clock::now());
    const auto wait = std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max());
    const int ready = ::poll(&waiting, 1, static_cast<int>(wait));
    if (ready > 0) return true;
    if (ready == 0) break;
    if (errno != EINTR) return false;
  }
  errno = ETIMEDOUT;
  return false;
}

int set_up(Sockbuf_IO_Desc* layer, void* limit) {
  layer->sbiod_pvt = limit;
  return 0;
}

int do_nothing(Sockbuf_IO_Desc*) {
  return 0;
}

int control(Sockbuf_IO_Desc* layer, int option, void* value) {
  return LBER_SBIOD_CTRL_NEXT(layer, option, value);
}

ber_slen_t read(Sockbuf_IO_Desc* layer, void* octets, ber_len_t size) {
  if (!wait_for(layer, POLLIN)) return -1;
  return LBER_SBIOD_READ_NEXT(layer, octets, size);
}

ber_slen_t write(Sockbuf_IO_Desc* layer, void* octets, ber_len_t size) {
  if (!wait_for(layer, POLLOUT)) return -1;
  return ::send(descriptor_of(layer), octets, size, MSG_NOSIGNAL);
}

Sockbuf_IO layer_functions{set_up, do_nothing, control, read, write, do_nothing};

int add(LDAP*, Sockbuf* socket, LDAPURLDesc*, sockaddr*, ldap_conncb* callback) {
  ber_len_t largest = LdapLimits::kLargest;
  ::ber_sockbuf_ctrl(socket, LBER_SB_OPT_SET_MAX_INCOMING, &largest);
  return ::ber_sockbuf_add_io(socket, &layer_functions, kLevel, callback->lc_arg);
}

void forget(LDAP*, Sockbuf*, ldap_conncb*) {}

}  // namespace

bool LdapLimits::guard(ldap* handle) {
  callback_ = {add, forget, this};
  return ::ldap_set_option(handle, LDAP_OPT_CONNECT_CB, &callback_) == LDAP_OPT_SUCCESS;
}

}  // namespace postern::directories
