// SPDX-License-Identifier: Apache-2.0
#include "tls/socket_bio.h"

#include <openssl/bio.h>

#include <cerrno>
#include <sys/socket.h>

namespace postern::tls {
namespace {

bool is_retry(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int write_socket(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  auto& state = *static_cast<SocketBioState*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::send(state.fd, data, size, MSG_NOSIGNAL);
  if (n >= 0) {
    *written = static_cast<std::size_t>(n);
    return 1;
  }
  if (is_retry(errno)) {
    BIO_set_retry_write(bio);
  } else {
    state.error = errno;
  }
  *written = 0;
  return 0;
}

int read_socket(BIO* bio, char* data, std::size_t size, std::size_t* read) {
  auto& state = *static_cast<SocketBioState*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::recv(state.fd, data, size, 0);
  if (n > 0) {
    *read = static_cast<std::size_t>(n);
    return 1;
  }
  *read = 0;
  if (n == 0) {
    state.error = 0;
  } else if (is_retry(errno)) {
    BIO_set_retry_read(bio);
  } else {
    state.error = errno;
  }
  return 0;
}

long control(BIO*, int command, long, void*) {
  // The socket keeps nothing back. End of file is not reported here, so that OpenSSL leaves it to
  // the caller (a missing close_notify is no error for SMTP).
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* make_method() {
  BIO_METHOD* const method =
      BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postern socket");
  if (method == nullptr) return nullptr;
  BIO_meth_set_write_ex(method, &write_socket);
  BIO_meth_set_read_ex(method, &read_socket);
  BIO_meth_set_ctrl(method, &control);
  return method;
}

}  // namespace

BIO* new_socket_bio(SocketBioState& state) {
  static const BIO_METHOD* const method = make_method();
  if (method == nullptr) return nullptr;
  BIO* const bio = BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &state);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace postern::tls
