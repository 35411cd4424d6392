// SPDX-License-Identifier: Apache-2.0
#include "routing/message_facts.h"
#include "tests/gateway/proof_town.h"

#include <algorithm>
#include <deque>
#include <stdexcept>

namespace postern::gateway::proof {
namespace {

/// No way through these towns is longer: what goes on has no end.
constexpr unsigned kMostVisits = 60;

/// What the servers hand on: the envelope's recipient, and the header with its trace.
struct Letter {
  std::string at;    ///< who has it
  std::string from;  ///< who gave it to G; empty: the client
  std::string local, domain;
  std::string header;
};

class Servers {
 public:
  Servers(const Town& town, const Snapshot& snapshot, const Wiring& wiring, const Start& start)
      : town_(town), snapshot_(snapshot), wiring_(wiring), start_(start) {}

  /// `guarded`: R13's guards refuse; without them a letter that circles shows.
  Ends run(Letter letter, const smtp::ReversePath& sender, bool guarded) {
    sender_.path = sender;
    guarded_ = guarded;
    letters_ = {std::move(letter)};
    for (unsigned visits = 0; !letters_.empty();) {
      const Letter next = letters_.front();
      letters_.pop_front();
      if (next.at == "G" && ++visits > kMostVisits) return {"loops"};
      step(next);
    }
    std::sort(ends_.begin(), ends_.end());
    return ends_;
  }

 private:
  static bool is_one_of(const std::string& local, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), local) != names.end();
  }
  bool at_alias(const Letter& letter) const {
    const TownDomain* domain = town_.of(letter.domain);
    return domain != nullptr && domain->name != letter.domain;
  }
  bool is_main_with_x(const Letter& letter) const {
    const TownDomain* domain = town_.of(letter.domain);
    return domain != nullptr && !at_alias(letter) && town_.has_x(*domain);
  }
  void pass(const Letter& letter, const std::string& to) {
    letters_.push_back(
        {to, letter.at, letter.local, letter.domain, "Received: x\r\n" + letter.header});
  }
  void end(std::string how) { ends_.push_back(std::move(how)); }
  void rest(const std::string& where) { end("rests:" + where); }

  void step(const Letter& letter) {
    if (letter.at == "G") return at_gateway(letter);
    if (letter.at == "exchange") return at_exchange(letter);
    const TownDomain* domain = town_.of(letter.domain);
    const bool home = domain != nullptr && domain->mailboxes == letter.at;
    const bool is_v = letter.at == "vk";
    if (home && (!is_v || town_.v_is_final || domain->as_main || at_alias(letter))) {
      const bool has = is_one_of(letter.local, {"both", "dual", "new", "left"});
      return end(has ? "rests:" + letter.at : "bounced");
    }
    if (is_v && town_.v_is_final) return rest(letter.at);
    if (is_v) {
      const bool to_x = wiring_.v_sends_d_to_x && is_main_with_x(letter);
      return pass(letter, to_x ? "exchange" : "G");
    }
    at_filter(letter);
  }

  void at_exchange(const Letter& letter) {
    const TownDomain* domain = town_.of(letter.domain);
    if (domain == nullptr) return rest("the world");
    const bool has = is_one_of(letter.local, {"old", "both", "dual"});
    if (at_alias(letter) || !has) return pass(letter, "G");
    if (letter.local == "both" && !domain->aliases.empty()) {
      Letter copy = letter;
      copy.domain = domain->aliases.front();
      pass(copy, "G");
    }
    rest("exchange");
  }

  void at_filter(const Letter& letter) {
    const bool is_gateway =
        std::find(town_.gateways.begin(), town_.gateways.end(), letter.at) != town_.gateways.end();
    const bool returns = wiring_.relays_return && is_gateway;
    if (returns) return pass(letter, "G");
    if (town_.of(letter.domain) == nullptr) return rest("the world");
    pass(letter, is_main_with_x(letter) ? "exchange" : "G");
  }

  IpAddress address_of(const std::string& server) const {
    if (wiring_.odd != nullptr && wiring_.odd->hop->name == server)
      return wiring_.odd->sources[wiring_.odd_source].address;
    const routing::NextHop* hop = snapshot_.config().routing.find_next_hop(server);
    return hop->sources.empty() ? *parse_ip(hop->hosts.front().host)
                                : hop->sources.prefixes().front().network();
  }

  void at_gateway(const Letter& letter) {
    routing::Request request;
    const ListenerConfig* listener = &snapshot_.config().listeners.front();
    if (letter.from.empty()) {
      request.client = *start_.client;
      request.identity = start_.identity;
      listener = start_.listener;
    } else {
      request.client = address_of(letter.from);
      const std::vector<ListenerConfig>& all = snapshot_.config().listeners;
      const bool connector =
          letter.from == "exchange" && all.size() > 1 && !(wiring_.t_by_mx && at_alias(letter));
      if (connector) listener = &all.back();
    }
    request.listener = listener->name;
    request.listener_from = listener->from;
    request.role = listener->role;
    request.sender = &sender_;
    request.recipient = smtp::Mailbox(letter.local, letter.domain);
    const routing::Pipeline& pipeline = snapshot_.pipeline();
    std::optional<routing::Decision> decision = pipeline.decide_now(request);
    if (!decision) throw std::runtime_error("a stage wants to wait");
    const std::string header = "Received: x\r\n" + letter.header;
    routing::MessageFacts facts = routing::scan_header(header);
    routing::identify(facts);
    const routing::Decision unjudged = *decision;
    pipeline.judge(request, *decision, facts, nullptr);
    if (!guarded_ && decision->kind == routing::DecisionKind::reject) decision = unjudged;
    carry_out(*decision, header, facts);
  }

  void carry_out(const routing::Decision& decision,
                 const std::string& header,
                 const routing::MessageFacts& facts) {
    switch (decision.kind) {
      case routing::DecisionKind::reject:
        return end("refused");
      case routing::DecisionKind::defer:
        return end("waits");
      case routing::DecisionKind::discard:
        return end("discarded");
      case routing::DecisionKind::route:
        break;
    }
    deliver(decision, header, facts);
    for (const routing::Copy& copy : decision.also) {
      // An archive is nobody's mailbox.
      if (copy.kind == routing::CopyKind::dual) deliver(routing::decision_of(copy), header, facts);
    }
  }

  void deliver(const routing::Decision& decision,
               const std::string& header,
               const routing::MessageFacts& facts) {
    const routing::Hops& hops = decision.target.hops;
    if (hops.empty()) return rest("the world");
    const std::string trace = snapshot_.pipeline().trace_fields({&decision}, facts);
    letters_.push_back({(wiring_.last_of_list ? hops.back() : hops.front())->name,
                        "G",
                        std::string(decision.recipient_out.local()),
                        std::string(decision.recipient_out.domain()),
                        trace + header});
  }

  const Town& town_;
  const Snapshot& snapshot_;
  const Wiring& wiring_;
  const Start& start_;
  smtp::Sender sender_;
  bool guarded_ = true;
  std::deque<Letter> letters_;
  Ends ends_;
};

}  // namespace

std::string local_of(const Person& person) {
  if (person.in_x && person.forwards) return "both";
  if (person.in_x) return person.in_v ? "dual" : "old";
  if (!person.in_v) return "nobody";
  return person.cutover == CutoverAnswer::listed ? "left" : "new";
}

Ends simulate(const Town& town,
              const Snapshot& snapshot,
              const Wiring& wiring,
              const Start& start,
              const std::string& recipient,
              const smtp::ReversePath& sender) {
  const smtp::Mailbox to = *smtp::Mailbox::parse(recipient);
  Letter letter;
  letter.local = to.local();
  letter.domain = to.domain();
  letter.header = "Message-ID: <1@corp.com>\r\n\r\n";
  if (start.to_hop != nullptr) {
    letter.at = start.to_hop->name;
  } else {
    letter.at = "G";
    if (start.hop != nullptr) letter.from = start.hop->name;
  }
  const Ends unguarded = Servers(town, snapshot, wiring, start).run(letter, sender, false);
  if (unguarded == Ends{"loops"}) return unguarded;
  return Servers(town, snapshot, wiring, start).run(letter, sender, true);
}

Ends ends_of(const std::vector<Leaf>& leaves) {
  Ends out;
  for (const Leaf& leaf : leaves) {
    switch (leaf.end) {
      case End::loops:
        return {"loops"};
      case End::rests:
        out.push_back("rests:" + (leaf.where != nullptr ? leaf.where->name : "the world"));
        break;
      case End::refused:
        out.emplace_back("refused");
        break;
      case End::bounced:
        out.emplace_back("bounced");
        break;
      case End::waits:
        out.emplace_back("waits");
        break;
      case End::discarded:
        out.emplace_back("discarded");
        break;
      case End::lost:
        out.emplace_back("lost");
        break;
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace postern::gateway::proof
