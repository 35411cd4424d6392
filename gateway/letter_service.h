// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/admission.h"
#include "gateway/letter_tools.h"
#include "gateway/runtime.h"
#include "smtp/session/service.h"

#include <memory>

namespace postern::gateway {

/// The service of one session: makes its letters, of the kind that the listener's `delivery` asks
/// for. A letter gets the runtime that is current at its MAIL; that of the session's begin, which
/// owns `listener`, serves where the listener's name has gone since.
class LetterService final : public smtp::Service {
 public:
  LetterService(const CurrentRuntime& current,
                std::shared_ptr<const Runtime> runtime,
                const ListenerRuntime& listener,
                LetterTools tools)
      : current_(current), runtime_(std::move(runtime)), listener_(listener), tools_(tools) {}
  /// SessionFacts::confirmed_name; there when begin() has waited for it, as long as
  /// dns.reverse_timeout allows.
  std::shared_ptr<const std::string> client_name() const { return client_name_; }

  /// The session's place, which it has as the client that has connected.
  void hold(Admission::Ticket ticket, const IpAddress& client) {
    ticket_ = std::move(ticket);
    admitted_ = client;
  }

  smtp::ClientRights admit(const smtp::SessionFacts& session) override;
  smtp::Reply limit_recipient(const smtp::SessionFacts& session) override;
  net::Awaitable<smtp::Begun> begin(const smtp::SessionFacts& session,
                                    const smtp::Sender& sender) override;
  std::string auth_mechanisms(const smtp::SessionFacts& session,
                              std::string_view configured) override;
  std::unique_ptr<smtp::AuthExchange> authenticate(const smtp::SessionFacts& session,
                                                   const smtp::AuthStart& start) override;
  void note(const smtp::SessionFacts& session, const smtp::SessionNote& what) override;

 private:
  net::Awaitable<void> find_name(IpAddress client);
  smtp::Reply refusal_of(const Runtime& runtime,
                         const smtp::SessionFacts& session,
                         const smtp::Sender& sender);

  const CurrentRuntime& current_;
  std::shared_ptr<const Runtime> runtime_;
  const ListenerRuntime& listener_;
  std::shared_ptr<const Runtime> letters_;  ///< of the last MAIL; null before the first
  LetterTools tools_;
  std::shared_ptr<std::string> client_name_ = std::make_shared<std::string>();
  Admission::Ticket ticket_;
  IpAddress admitted_;  ///< the client that it counts for
};

}  // namespace postern::gateway
