// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/proof/world.h"
#include "smtp/envelope.h"

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace postern::gateway::proof {

/// From one party to the next; `by`: the stage that sent it there, empty where a server did.
struct Step {
  std::string from;
  std::string to;
  std::string by;
};

/// One decision of G on the way of a letter.
struct Visit {
  const ListenerConfig* listener = nullptr;
  IpAddress client;
  const routing::NextHop* truly = nullptr;  ///< whose mail it is; null: a client's
  routing::Hops taken_for;
  smtp::Mailbox recipient;
  routing::Decision decision;
  bool hidden = false;  ///< the client is a server before G, not the sender (R7a)
};

enum class End : std::uint8_t { rests, refused, bounced, waits, discarded, loops, lost };

/// One copy of a letter from its start to where it ends.
struct Leaf {
  End end = End::lost;
  const routing::NextHop* where =
      nullptr;           ///< whose mailbox it rests in; null: the world's, or nobody's
  std::string why;       ///< the reply, or what is missing
  bool circled = false;  ///< refused by R13, not by a stage
  std::string from;      ///< where it began: "E"
  std::vector<Step> steps;
  std::vector<std::shared_ptr<const Visit>> visits;
  std::size_t cycle = 0;  ///< of `loops`: the first visit of the circle

  /// "E -> G(mx) -[custom_route]-> exchange: rests"
  std::string arrows() const;
};

/// Where a letter begins.
struct Start {
  std::string name;                          ///< "E", "exchange"
  const routing::NextHop* hop = nullptr;     ///< a server of ours; null: a client
  const routing::NextHop* to_hop = nullptr;  ///< goes there first, past G; null: to G
  const ListenerConfig* listener = nullptr;  ///< of a client
  std::optional<IpAddress> client;
  std::string identity;  ///< authenticated as
  bool hidden = false;
};

/// Follows one letter through the real stages and the next hops as `behaves` states them, until
/// every copy rests. A state that comes again is a loop, whatever the guards at run time (R13)
/// would make of it. The world outlives it.
class Walker {
 public:
  Walker(const World& world, const Wiring& wiring, const Person& person)
      : world_(world), wiring_(wiring), person_(person) {}

  /// `sender` stays the same on the whole way (R17).
  std::vector<Leaf> follow(const Start& start,
                           const smtp::Mailbox& recipient,
                           smtp::ReversePath sender = {});
  /// No server has a mailbox under this address: [[rewrite]] gives it the name of one.
  void no_mailbox_as(const smtp::Mailbox& address) { no_mailbox_ = address; }

 private:
  /// A copy under way, by value: it forks.
  struct Path {
    Leaf leaf;
    std::string at;                 ///< name of the party that has it
    std::vector<std::string> seen;  ///< states at G, one a visit
    unsigned received = 0;          ///< Received fields, the fewest that there can be
    // R13, by mailbox: what G has written into the letter on its way to X and V.
    std::vector<std::string> passes;  ///< once for each pass
    std::vector<std::string> tokens;  ///< G has sent the letter to both places of these
  };
  struct Client {
    const ListenerConfig* listener = nullptr;
    IpAddress address;
    const routing::NextHop* truly = nullptr;
    std::string identity;
    bool hidden = false;
  };

  void at_gateway(Path path, const Client& client, const smtp::Mailbox& recipient);
  void take_decision(Path path, const Visit& visit);
  void leave_gateway(Path path,
                     const routing::Target& target,
                     const smtp::Mailbox& recipient,
                     std::string_view by,
                     bool doubled);
  void at_hop(Path path, const routing::NextHop& hop, const smtp::Mailbox& recipient);
  void at_exchange(Path path, const routing::NextHop& hop, const smtp::Mailbox& recipient);
  void at_workspace(Path path, const routing::NextHop& hop, const smtp::Mailbox& recipient);
  void at_relay(Path path, const routing::NextHop& hop, const smtp::Mailbox& recipient);
  /// `hop` hands it to G.
  void back(Path path, const routing::NextHop& hop, const smtp::Mailbox& recipient);
  bool guards() const;
  std::string mailbox_of(const smtp::Mailbox& recipient) const;
  bool guard_refuses(const Path& path, const Visit& visit) const;
  bool is_nobody(const smtp::Mailbox& recipient) const;
  bool holds_mailboxes(const routing::NextHop& hop, const smtp::Mailbox& recipient) const;
  const Source& source_of(const routing::NextHop& hop) const;
  const routing::NextHop& chosen(const routing::Target& target) const;
  void end(Path path, End how, const routing::NextHop* where, std::string why);

  static void move(Path& path, const std::string& to, std::string_view by);

  const World& world_;
  const Wiring& wiring_;
  const Person& person_;
  smtp::Mailbox no_mailbox_;  ///< empty: each address is somebody's
  smtp::Sender sender_;
  std::vector<Leaf> leaves_;
};

/// What an edge of the path is called: the stage that bound the recipient, or that sent it.
std::string_view deciding_stage(const routing::Decision& decision);

}  // namespace postern::gateway::proof
