// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_filter.h"

#include "smtp/address.h"

#include <algorithm>

namespace postern::gateway {
namespace {

/// "<a@b>" and "a@b" are the same to whoever types it; "<>" is the null sender.
std::string_view without_brackets(std::string_view text) {
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>') {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

bool address_matches(const std::optional<std::string>& pattern, std::string_view address) {
  return !pattern || glob_matches(without_brackets(*pattern), address);
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  const std::string p = smtp::ascii_lower(pattern);
  const std::string t = smtp::ascii_lower(text);
  std::size_t at = 0;
  std::size_t in = 0;
  std::size_t star = std::string::npos;  // the last one, and where the text goes on behind it
  std::size_t resume = 0;
  while (at < t.size()) {
    if (in < p.size() && p[in] == '*') {
      star = in++;
      resume = at;
    } else if (in < p.size() && p[in] == t[at]) {
      ++in;
      ++at;
    } else if (star != std::string::npos) {
      in = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  return p.find_first_not_of('*', in) == std::string::npos;
}

QueueState state_of(const spool::Envelope& envelope) {
  if (envelope.held) return QueueState::held;
  const auto& all = envelope.recipients;
  const bool tried = std::any_of(all.begin(), all.end(), [](const spool::Recipient& r) {
    return r.fate == spool::Fate::pending && r.attempts > 0;
  });
  return tried ? QueueState::deferred : QueueState::waiting;
}

std::vector<std::uint32_t> selected(const ControlFilter& filter,
                                    spool::MessageId id,
                                    const spool::Envelope& envelope,
                                    spool::WallTime now) {
  std::vector<std::uint32_t> out;
  if (!filter.up_to.empty()) {
    const auto last = spool::MessageId::parse(filter.up_to);
    if (!last || id > *last) return out;
  }
  if (filter.older && envelope.received + *filter.older > now) return out;
  if (filter.state && *filter.state != state_of(envelope)) return out;
  if (!address_matches(filter.sender, envelope.sender.path.text())) return out;
  for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
    const spool::Recipient& r = envelope.recipients[i];
    if (r.fate != spool::Fate::pending) continue;
    if (!filter.hop.empty() && r.lane != filter.hop) continue;
    if (address_matches(filter.recipient, r.address.address.text())) out.push_back(i);
  }
  return out;
}

}  // namespace postern::gateway
