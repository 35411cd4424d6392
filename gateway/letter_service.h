// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/letter_tools.h"
#include "gateway/runtime.h"
#include "smtp/session/service.h"

#include <memory>

namespace postern::gateway {

/// The service of one session: makes its letters, of the kind that the listener's `delivery` asks
/// for. Holds the runtime that the session began with.
class LetterService final : public smtp::Service {
 public:
  LetterService(std::shared_ptr<const Runtime> runtime,
                const ListenerRuntime& listener,
                LetterTools tools)
      : runtime_(std::move(runtime)), listener_(listener), tools_(tools) {}
  net::Awaitable<smtp::Begun> begin(const smtp::SessionFacts& session,
                                    const smtp::Sender& sender) override;
  void note(const smtp::SessionFacts& session, const smtp::SessionNote& what) override;

 private:
  std::shared_ptr<const Runtime> runtime_;
  const ListenerRuntime& listener_;
  LetterTools tools_;
};

}  // namespace postern::gateway
