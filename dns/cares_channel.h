// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/answer.h"
#include "dns/config.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <functional>
#include <memory>
#include <unordered_map>

struct ares_channeldata;

namespace postern::dns {

/// One c-ares channel on the event loop: its sockets are watched, its time-outs are a timer. Used
/// on the executor's thread alone. Its handlers share it, so its owner ends it with close().
class CaresChannel : public std::enable_shared_from_this<CaresChannel> {
 public:
  /// An ARES_* code and the server's message, of any RCODE (empty with most failures). Called once
  /// a query, from within query(), the event loop or close(); must not call back into the channel.
  using Callback = std::function<void(int, std::span<const unsigned char>)>;

  /// Throws std::runtime_error: c-ares cannot be set up, or a server is no address.
  static std::shared_ptr<CaresChannel> make(net::Executor executor, const Config& config);
  ~CaresChannel();
  CaresChannel(CaresChannel&&) = delete;

  /// `name` is absolute: no search list is applied.
  void query(const std::string& name, RecordType type, Callback callback);
  /// An AD bit of its answers may be believed: every server is on loopback, or the config says so.
  /// Only then is it asked for.
  bool believes_ad() const { return believes_ad_; }
  /// Ends every query with ARES_EDESTRUCTION. May be called twice; later queries fail the same way.
  void close();

 private:
  using Descriptor = net::asio::posix::basic_stream_descriptor<net::Executor>;
  /// A socket of c-ares; the descriptor watches it and never closes it.
  struct Watch {
    explicit Watch(const net::Executor& executor) : descriptor(executor) {}
    Descriptor descriptor;
    bool want_read = false;
    bool want_write = false;
    bool reading = false;
    bool writing = false;
    bool closed = false;
  };

  struct Query;

  explicit CaresChannel(net::Executor executor);
  void open(const Config& config);
  static void on_socket_state(void* self, int fd, int readable, int writable);
  void send(std::unique_ptr<Query> query);
  static void on_answer(void* query, int status, int timeouts, unsigned char* data, int size);
  void watch(int fd, bool read, bool write);
  void wait(int fd, const std::shared_ptr<Watch>& watch);
  void process(int readable, int writable);
  void set_timer();

  net::Executor executor_;
  net::Timer timer_;
  ares_channeldata* channel_ = nullptr;
  bool believes_ad_ = false;
  bool edns_ = true;  ///< false: a server does not know EDNS (RFC 6891 section 7)
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
};

}  // namespace postern::dns
