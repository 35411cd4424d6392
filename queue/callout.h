// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/resolver.h"
#include "queue/hop_pool.h"
#include "routing/directory.h"
#include "routing/next_hop.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace postern::queue {

/// `[[directory]] kind = "smtp"`: a mailbox server that is asked by RCPT.
struct CalloutSettings {
  std::string name;                         ///< "vk"; evidence begins with "smtp vk"
  routing::NextHop next_hop;                ///< whose hosts are asked, with its TLS and its limits
  smtp::ReversePath mail_from;              ///< the null sender unless set
  std::chrono::milliseconds timeout{5000};  ///< for one answer. Exchange tarpits refusals for 5 s
  std::size_t batch = 50;                   ///< questions in one group, at most
  std::size_t connections = 2;              ///< at most, beside those of deliveries
  std::size_t most_waiting = 10000;         ///< beyond: unavailable at once
  /// Asks once a domain for an address that cannot be: a server that takes it takes any, which the
  /// evidence and the log then say.
  bool probe = true;
  /// The address under which the server has the mailbox; R4a: U@T for V where `deliver_as` is
  /// alias, since V may have a way of its own for D. Called by any thread. Empty: as asked.
  std::function<smtp::Mailbox(const smtp::Mailbox&)> address_given;
  HopPoolConfig pool;  ///< hostname for EHLO, TLS, own endpoints; times are the callout's own
  /// Empty: the system's name servers.
  std::function<std::unique_ptr<dns::Resolver>(net::Executor)> resolver;
};

/// Does the server have the mailbox? Says MAIL, RCPT and RSET, never DATA. It has a thread of its
/// own with an event loop; questions of all workers come to it, and those that wait at one moment
/// go out as one group, in one write where the server offers PIPELINING, on connections that are
/// kept. Which reply means what: queue/callout_answers.h. What cannot be asked in time is
/// `unavailable`; a connection that is lost with questions open costs each of them one more try.
/// Evidence: "smtp vk (10.0.1.10): 550 5.1.1 no such user", fit for logs; never for clients.
class Callout final : public routing::Directory {
 public:
  explicit Callout(CalloutSettings settings);
  /// Closes the connections and joins the thread; questions that are open are `unavailable`.
  ~Callout() override;
  Callout(Callout&&) = delete;

  bool is_immediate() const override { return false; }
  /// Unavailable: it cannot answer without waiting.
  routing::DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override;
  /// On any io thread.
  net::Awaitable<routing::DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override;

  /// Questions that no connection has taken yet (metrics, tests). Any thread.
  std::size_t waiting() const;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace postern::queue
