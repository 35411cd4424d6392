// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "base/net.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace postern::mta_sts {

/// One question to a web server. Its addresses are given, so that only the gateway's own resolver
/// is asked for names.
struct HttpsRequest {
  std::string host;  ///< in the URL, in SNI, and what the certificate must be for
  std::string path;  ///< with its leading slash
  std::uint16_t port = 443;
  std::vector<IpAddress> addresses;
  std::string body;          ///< not empty: POST
  std::string content_type;  ///< of `body`
};

struct HttpsAnswer {
  enum class Failure : std::uint8_t {
    none,         ///< there is a response: look at `status`
    unreachable,  ///< no connection, no TLS, no response in time
    untrusted,    ///< the certificate did not verify
    too_long,     ///< the response is larger than the limit
    refused,      ///< too many questions wait, or the client has ended
  };
  Failure failure = Failure::none;
  int status = 0;            ///< the HTTP status; redirects are not followed
  std::string content_type;  ///< as the server says, such as "text/plain; charset=utf-8"
  std::string body;
  std::string detail;  ///< a sentence about the failure
};

/// HTTPS by libcurl on threads of its own, since it blocks: a few questions at a time, a bounded
/// number that wait. Certificates are verified (TLS 1.2 at least); neither proxies nor cookies nor
/// caches. Made and destroyed by one thread; its end breaks off what is under way.
class HttpsClient {
 public:
  struct Options {
    std::string ca;                           ///< PEM file of the authorities; empty: the system's
    std::chrono::milliseconds limit{60'000};  ///< for one question, with connecting, in its turn
    std::chrono::milliseconds connect{10'000};  ///< of this for TCP and TLS
    std::chrono::milliseconds turn{600'000};    ///< for its turn to come
    std::size_t octets = 64U << 10;             ///< of a response's body
    unsigned threads = 16;                      ///< questions at a time; started when wanted
    std::size_t waiting = 1000;                 ///< questions that wait; beyond: refused
  };

  explicit HttpsClient(Options options);
  ~HttpsClient();
  HttpsClient(HttpsClient&&) = delete;

  /// Any thread that runs an io_context. The coroutine may outlive the client.
  net::Awaitable<HttpsAnswer> ask(HttpsRequest request);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace postern::mta_sts
