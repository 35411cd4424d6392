// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "mailtools/talk/target.h"
#include "tls/context.h"
#include "tls/stream.h"

#include <memory>
#include <string>

namespace postern::talk {

/// The client's side of one handshake, made for it alone. One thread; outlives the handshake.
class ClientTls {
 public:
  /// Reads the files of `terms`. TalkError: one of them is wrong.
  static Result<std::unique_ptr<ClientTls>, TalkError> make(const TlsTerms& terms);
  ~ClientTls();
  ClientTls(ClientTls&&) = delete;

  const tls::Context& context() const { return *context_; }
  /// `host`: whom the connection was opened to, for what `terms` leave open.
  static tls::ClientTerms terms_for(const TlsTerms& terms, const std::string& host);
  /// After the handshake: what it has shown.
  TlsFacts facts(const tls::Stream& stream) const;

 private:
  explicit ClientTls(std::shared_ptr<const tls::Context> context);
  Result<void, TalkError> use(const TlsTerms& terms);

  std::shared_ptr<const tls::Context> context_;
  TlsFacts certificate_;  ///< what is known of the certificates alone
};

}  // namespace postern::talk
