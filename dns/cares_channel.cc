// SPDX-License-Identifier: Apache-2.0
#include "dns/cares_channel.h"

#include <ares.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <cstring>
#include <random>
#include <stdexcept>

namespace postern::dns {
namespace {

/// Payload for UDP answers that passes everywhere unfragmented (DNS Flag Day 2020).
constexpr int kEdnsOctets = 1232;

constexpr std::size_t kOptOctets = 11;  // without options, RFC 6891 section 6.1.2
constexpr unsigned char kAdBit = 0x20;  // of the header's fourth octet, RFC 4035 section 4.9.3
constexpr unsigned char kDoBit = 0x80;  // of the third octet of the OPT record's TTL, RFC 3225
constexpr std::uint8_t kFormErr = 1;

void require(int status, const std::string& what) {
  if (status != ARES_SUCCESS) throw std::runtime_error(what + ": " + ares_strerror(status));
}

struct Library {
  Library() { require(ares_library_init(ARES_LIB_INIT_ALL), "c-ares"); }
};

struct FreeString {
  void operator()(unsigned char* p) const { ares_free_string(p); }
};
struct FreeServers {
  void operator()(ares_addr_port_node* p) const { ares_free_data(p); }
};

IpAddress address_of(const ares_addr_port_node& server) {
  namespace ip = net::asio::ip;
  if (server.family == AF_INET) return ip::address_v4(ntohl(server.addr.addr4.s_addr));
  ip::address_v6::bytes_type bytes;
  static_assert(sizeof server.addr.addr6 == sizeof bytes);
  std::memcpy(bytes.data(), &server.addr.addr6, bytes.size());
  return plain_ip(ip::address_v6(bytes));
}

/// Nobody else can answer in the place of any of them.
bool all_on_loopback(ares_channeldata* channel) {
  ares_addr_port_node* first = nullptr;
  if (ares_get_servers_ports(channel, &first) != ARES_SUCCESS) return false;
  const std::unique_ptr<ares_addr_port_node, FreeServers> owned(first);
  for (const ares_addr_port_node* server = first; server != nullptr; server = server->next) {
    if (!address_of(*server).is_loopback()) return false;
  }
  return first != nullptr;
}

/// Unpredictable, so that an answer cannot be forged by who does not see the question (RFC 5452).
std::uint16_t query_id() {
  static thread_local std::random_device device;
  return static_cast<std::uint16_t>(device());
}

bool has_additional(std::span<const unsigned char> message) {
  return message.size() >= 12 && (message[10] != 0 || message[11] != 0);
}

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

/// Owned by c-ares from send() until its answer.
struct CaresChannel::Query {
  CaresChannel* channel;  ///< outlives it: close() ends every query
  std::string name;
  RecordType type;
  Callback callback;
  bool edns = false;
};

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
  believes_ad_ = config.trust_ad || all_on_loopback(channel_);
}

void CaresChannel::query(const std::string& name, RecordType type, Callback callback) {
  if (channel_ == nullptr) return callback(ARES_EDESTRUCTION, {});
  send(std::make_unique<Query>(Query{this, name, type, std::move(callback)}));
  set_timer();
}

void CaresChannel::send(std::unique_ptr<Query> query) {
  query->edns = edns_;
  unsigned char* made = nullptr;
  int size = 0;
  const int status = ares_create_query(query->name.c_str(),
                                       ns_c_in,
                                       static_cast<int>(query->type),
                                       query_id(),
                                       1,
                                       &made,
                                       &size,
                                       query->edns ? kEdnsOctets : 0);
  const std::unique_ptr<unsigned char, FreeString> owned(made);
  if (status != ARES_SUCCESS) return query->callback(status, {});
  const std::span<unsigned char> octets(made, static_cast<std::size_t>(size));
  if (believes_ad_) {
    // Some resolvers say AD to who sets AD (RFC 6840 section 5.7), some only to who sets DO.
    octets[3] |= kAdBit;
    if (query->edns) octets[octets.size() - kOptOctets + 7] |= kDoBit;
  }
  ares_send(channel_, made, size, &on_answer, query.release());
}

void CaresChannel::close() {
  if (channel_ == nullptr) return;
  ares_channeldata* const channel = std::exchange(channel_, nullptr);
  ares_destroy(channel);  // calls back for every query and every socket
  timer_.cancel();
}

void CaresChannel::on_answer(void* query, int status, int, unsigned char* data, int size) {
  std::unique_ptr<Query> owned(static_cast<Query*>(query));
  const bool empty = data == nullptr || size <= 0;
  const std::span<const unsigned char> octets(data, empty ? 0 : static_cast<std::size_t>(size));
  CaresChannel& channel = *owned->channel;
  const bool refused = status == ARES_SUCCESS && octets.size() > 3 &&
                       (octets[3] & 0x0fU) == kFormErr && !has_additional(octets);
  if (refused && owned->edns && channel.channel_ != nullptr) {
    channel.edns_ = false;
    channel.send(std::move(owned));
    return;
  }
  owned->callback(status, octets);
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
