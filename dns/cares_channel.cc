// SPDX-License-Identifier: Apache-2.0
#include "dns/cares_channel.h"

#include <ares.h>

#include <arpa/nameser.h>
#include <stdexcept>

namespace postern::dns {
namespace {

/// Payload for UDP answers that passes everywhere unfragmented (DNS Flag Day 2020).
constexpr int kEdnsOctets = 1232;

void require(int status, const std::string& what) {
  if (status != ARES_SUCCESS) throw std::runtime_error(what + ": " + ares_strerror(status));
}

struct Library {
  Library() { require(ares_library_init(ARES_LIB_INIT_ALL), "c-ares"); }
};

std::string joined(const std::vector<std::string>& servers) {
  std::string list;
  for (const std::string& server : servers) {
    if (const std::string error = server_error(server); !error.empty())
      throw std::runtime_error(error);
    if (!list.empty()) list += ',';
    list += server;
  }
  return list;
}

}  // namespace

std::shared_ptr<CaresChannel> CaresChannel::make(net::Executor executor, const Config& config) {
  std::shared_ptr<CaresChannel> channel(new CaresChannel(executor));
  channel->open(config);
  return channel;
}

CaresChannel::CaresChannel(net::Executor executor) : executor_(executor), timer_(executor) {}

CaresChannel::~CaresChannel() {
  close();
}

void CaresChannel::open(const Config& config) {
  static const Library library;
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
  options.timeout = static_cast<int>(config.timeout.count());
  options.tries = config.tries;
  options.ednspsz = kEdnsOctets;
  options.sock_state_cb = &on_socket_state;
  options.sock_state_cb_data = this;
  constexpr int kMask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                        ARES_OPT_SOCK_STATE_CB;
  const std::string servers = joined(config.servers);
  require(ares_init_options(&channel_, &options, kMask), "c-ares");
  if (!servers.empty()) {
    require(ares_set_servers_ports_csv(channel_, servers.c_str()), "DNS servers " + servers);
  }
}

void CaresChannel::query(const std::string& name, RecordType type, Callback callback) {
  if (channel_ == nullptr) return callback(ARES_EDESTRUCTION, {});
  auto owned = std::make_unique<Callback>(std::move(callback));
  ares_query(channel_, name.c_str(), ns_c_in, static_cast<int>(type), &on_answer, owned.release());
  set_timer();
}

void CaresChannel::close() {
  if (channel_ == nullptr) return;
  ares_channeldata* const channel = std::exchange(channel_, nullptr);
  ares_destroy(channel);  // calls back for every query and every socket
  timer_.cancel();
}

void CaresChannel::on_answer(void* callback, int status, int, unsigned char* data, int size) {
  const std::unique_ptr<Callback> owned(static_cast<Callback*>(callback));
  const bool empty = data == nullptr || size <= 0;
  (*owned)(status, {data, empty ? 0 : static_cast<std::size_t>(size)});
}

void CaresChannel::on_socket_state(void* self, int fd, int readable, int writable) {
  static_cast<CaresChannel*>(self)->watch(fd, readable != 0, writable != 0);
}

void CaresChannel::watch(int fd, bool read, bool write) {
  auto at = watches_.find(fd);
  if (!read && !write) {  // c-ares is about to close it
    if (at == watches_.end()) return;
    at->second->closed = true;
    at->second->descriptor.release();
    watches_.erase(at);
    return;
  }
  if (at == watches_.end()) {
    auto fresh = std::make_shared<Watch>(executor_);
    net::error_code ec;
    fresh->descriptor.assign(fd, ec);
    if (ec) return;  // the query ends by its time-out
    at = watches_.emplace(fd, std::move(fresh)).first;
  }
  at->second->want_read = read;
  at->second->want_write = write;
  wait(fd, at->second);
}

void CaresChannel::wait(int fd, const std::shared_ptr<Watch>& watch) {
  if (watch->closed) return;
  if (watch->want_read && !watch->reading) {
    watch->reading = true;
    watch->descriptor.async_wait(Descriptor::wait_read,
                                 [self = shared_from_this(), fd, watch](const net::error_code& ec) {
                                   watch->reading = false;
                                   if (ec || watch->closed) return;
                                   self->process(fd, ARES_SOCKET_BAD);
                                   self->wait(fd, watch);
                                 });
  }
  if (watch->want_write && !watch->writing) {
    watch->writing = true;
    watch->descriptor.async_wait(Descriptor::wait_write,
                                 [self = shared_from_this(), fd, watch](const net::error_code& ec) {
                                   watch->writing = false;
                                   if (ec || watch->closed || !watch->want_write) return;
                                   self->process(ARES_SOCKET_BAD, fd);
                                   self->wait(fd, watch);
                                 });
  }
}

void CaresChannel::process(int readable, int writable) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_, readable, writable);
  set_timer();
}

void CaresChannel::set_timer() {
  timeval span{};
  if (channel_ == nullptr || ares_timeout(channel_, nullptr, &span) == nullptr) {
    timer_.cancel();
    return;
  }
  // One millisecond more, so that the time-out has passed for c-ares too when it is asked.
  timer_.expires_after(std::chrono::seconds(span.tv_sec) + std::chrono::microseconds(span.tv_usec) +
                       std::chrono::milliseconds(1));
  timer_.async_wait([self = shared_from_this()](const net::error_code& ec) {
    if (!ec) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

}  // namespace postern::dns
