// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/writers.h"

#include "routing/address_patterns.h"

#include <set>
#include <string>
#include <string_view>

namespace postern::gateway::proof {
namespace {

using routing::AddressPatterns;
using smtp::Mailbox;
using smtp::ReversePath;

/// Each is another run of all letters.
constexpr std::size_t kMostWriters = 12;
constexpr std::string_view kName = "sender";

/// Somebody whom the pattern means.
ReversePath one_of(std::string_view pattern, const ReversePath& anybody) {
  if (pattern.empty()) return {};
  if (pattern == "*") return anybody;
  if (pattern.starts_with("@*."))
    return ReversePath(Mailbox(kName, "host" + std::string(pattern.substr(2))));
  if (pattern.starts_with('@')) return ReversePath(Mailbox(kName, pattern.substr(1)));
  const Result<Mailbox> mailbox = Mailbox::parse(pattern);
  return mailbox ? ReversePath(*mailbox) : anybody;
}

class Classes {
 public:
  explicit Classes(const routing::Config& config) : config_(config) {
    for (const routing::SenderRoute& rule : config.sender_routes)
      routes_.push_back(patterns(rule.senders));
    for (const routing::ListRule& rule : config.lists)
      lists_.push_back(patterns(rule.senders));
  }

  std::vector<Writer> take() {
    add(ReversePath());
    add(anybody_);
    for (const routing::SenderRoute& rule : config_.sender_routes)
      add_all(rule.senders);
    for (const routing::ListRule& rule : config_.lists)
      add_all(rule.senders);
    return std::move(out_);
  }

 private:
  AddressPatterns patterns(const std::vector<std::string>& senders) const {
    const routing::RecipientsConfig& r = config_.recipients;
    return {senders, r.case_sensitive, r.delimiter};
  }

  void add_all(const std::vector<std::string>& senders) {
    for (const std::string& pattern : senders)
      add(one_of(pattern, anybody_));
  }

  void add(const ReversePath& address) {
    if (out_.size() == kMostWriters) return;
    std::string matched;
    bool is_unwanted = false;
    for (const AddressPatterns& route : routes_)
      matched += route.match(address) ? '1' : '0';
    for (const AddressPatterns& list : lists_) {
      matched += list.match(address) ? '1' : '0';
      is_unwanted = is_unwanted || (list.match(address) && !list.match(anybody_));
    }
    if (classes_.insert(std::move(matched)).second) out_.push_back({address, is_unwanted});
  }

  const routing::Config& config_;
  const ReversePath anybody_{Mailbox(kName, "outside.example")};
  std::vector<AddressPatterns> routes_;
  std::vector<AddressPatterns> lists_;
  std::set<std::string> classes_;
  std::vector<Writer> out_;
};

}  // namespace

std::vector<Writer> writers(const World& world) {
  return Classes(world.given().routing).take();
}

}  // namespace postern::gateway::proof
