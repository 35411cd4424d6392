// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "tls/client_handshake.h"
#include "tls/socket_bio.h"
#include "tls/stream.h"

#include <memory>

namespace postern::tls {

/// What a stream's operations share: the socket, the SSL* on it and the deadline. Private to tls/.
/// Held by the stream and by every operation under way, so that an operation that ends after its
/// stream finds it still there.
struct Stream::Core : std::enable_shared_from_this<Stream::Core> {
  explicit Core(net::Socket s);
  ~Core();
  Core(Core&&) = delete;

  /// Counts an operation that sends, for the deadline; lives in the operation's coroutine. One that
  /// only takes in can be ended without harm; one that sends may have sent half.
  class Sending {
   public:
    explicit Sending(Core& core) : core_(core) { ++core_.sending; }
    ~Sending() { --core_.sending; }
    Sending(Sending&&) = delete;

   private:
    Core& core_;
  };

  void expires_at(net::TimePoint when);
  void close();
  /// Why an operation cannot begin or go on; success: it can.
  error_code obstacle() const;
  /// What to report for an Asio error: a cancellation by the deadline is a time-out.
  error_code cause(error_code ec) const;

  static net::Awaitable<IoResult> read_some(std::shared_ptr<Core> core, std::span<char> buffer);
  static net::Awaitable<IoResult> write(std::shared_ptr<Core> core,
                                        std::string_view first,
                                        std::string_view second,
                                        Follows follows);
  static net::Awaitable<error_code> wait_readable(std::shared_ptr<Core> core);
  bool is_quiet();
  /// Makes `ssl`, on the socket, ready for SSL_set_*_state().
  error_code prepare_tls(const Context& context);
  /// `prepared`: what prepare_tls() said, to be reported here.
  static net::Awaitable<error_code> handshake(std::shared_ptr<Core> core, error_code prepared);

  net::Socket socket;
  SSL* ssl = nullptr;
  bool secure = false;  ///< the handshake is done
  error_code broken;    ///< set once nothing but close() makes sense
  std::unique_ptr<Info> info;
  std::unique_ptr<ClientHandshake> client;  ///< of a client's side; null: a server's
  std::size_t sending = 0;  ///< operations under way that send, handshakes among them

 private:
  /// The end of one SSL_* call.
  struct Step {
    enum class What : std::uint8_t { done, want_read, want_write, failed };
    What what = What::done;
    error_code ec;
  };

  static net::Awaitable<IoResult> read_tls(std::shared_ptr<Core> core, std::span<char> buffer);
  static net::Awaitable<IoResult> write_tls(std::shared_ptr<Core> core,
                                            std::string_view first,
                                            std::string_view second);
  static net::Awaitable<IoResult> write_plain(std::shared_ptr<Core> core,
                                              std::string_view first,
                                              std::string_view second,
                                              Follows follows);
  static net::Awaitable<error_code> wait(std::shared_ptr<Core> core, Step step);
  static net::Awaitable<void> take_turns(std::shared_ptr<Core> core);

  Step classify(int result);
  void arm();
  void on_timer();

  net::Timer timer_;
  net::TimePoint deadline_ = net::TimePoint::max();
  net::TimePoint armed_for_ = net::TimePoint::max();  ///< max: the timer is not waiting
  bool passed_ = false;   ///< the deadline passed with nothing being sent; a new one makes it good
  unsigned at_once_ = 0;  ///< operations in a row that did not have to wait
  SocketBioState bio_;
};

}  // namespace postern::tls
