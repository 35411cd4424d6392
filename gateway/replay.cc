// SPDX-License-Identifier: Apache-2.0
#include "gateway/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace postern::gateway {
namespace {

using routing::DecisionKind;
/// From where, and to where.
using Labels = std::pair<std::string, std::string>;

/// Envelopes that are decided together: enough to ask a directory side by side.
constexpr std::size_t kBatch = 256;

/// Two refusals are one to whoever waits for the letter, whatever their texts.
bool is_same(const Way& a, const Way& b) {
  if (a.kind != b.kind) return false;
  return a.kind != DecisionKind::route || (a.hop == b.hop && a.recipient_out == b.recipient_out);
}

/// Copies that one has and the other has not are another delivery, whatever their order.
bool has_same_copies(const Way& a, const Way& b) {
  return std::is_permutation(a.copies.begin(), a.copies.end(), b.copies.begin(), b.copies.end());
}

std::string reply_of(const Way& way) {
  if (way.code == 0) return {};
  if (way.status.empty()) return fmt::format(" ({})", way.code);
  return fmt::format(" ({} {})", way.code, way.status.str());
}

std::string label_of(const Way& way) {
  switch (way.kind) {
    case DecisionKind::route:
      // Each domain outside would be a group of its own.
      return way.hop.starts_with("mx:") ? std::string("DNS MX") : way.hop;
    case DecisionKind::reject:
      return "refused" + reply_of(way);
    case DecisionKind::defer:
      return "deferred" + reply_of(way);
    case DecisionKind::discard:
      break;
  }
  return "discarded";
}

/// ", and a copy (dual) to exchange"
std::string label_of_copies(const Way& way) {
  std::string out;
  for (const CopyWay& copy : way.copies) {
    out += fmt::format(", and a copy ({}) to {}",
                       routing::copy_name(copy.kind),
                       copy.hop.starts_with("mx:") ? std::string_view("DNS MX") : copy.hop);
  }
  return out;
}

std::string_view domain_of(const smtp::Mailbox& mailbox) {
  return mailbox.has_domain() ? mailbox.domain() : std::string_view();
}

Labels labels_of(const Way& from, const Way& to) {
  Labels out{label_of(from), label_of(to)};
  if (out.first != out.second) return out;
  const std::string_view before = domain_of(from.recipient_out);
  const std::string_view after = domain_of(to.recipient_out);
  if (smtp::iequals(before, after)) {
    out.second += " under another address";
  } else {
    out.first += fmt::format(" as @{}", smtp::ascii_lower(before));
    out.second += fmt::format(" as @{}", smtp::ascii_lower(after));
  }
  return out;
}

Labels with_copies(Labels ways, const Way& from, const Way& to) {
  ways.first += label_of_copies(from);
  ways.second += label_of_copies(to);
  return ways;
}

/// The way is the same, and not what is copied.
Labels labels_of_copies(const Way& from, const Way& to) {
  Labels out = with_copies({label_of(from), label_of(to)}, from, to);
  if (out.first == out.second) out.second += " under another address";
  return out;
}

}  // namespace

double ReplayReport::share() const {
  const std::uint64_t compared = changed + unchanged + deferred;
  if (compared == 0) return 0;
  return static_cast<double>(changed + deferred) / static_cast<double>(compared);
}

Replay::Replay(const Snapshot& next, const Snapshot* against)
    : next_(next.config(), next.pipeline()) {
  if (against != nullptr) against_.emplace(against->config(), against->pipeline());
}

void Replay::add(const RecordedEnvelope& envelope) {
  if (report_.envelopes++ == 0) report_.first = envelope.time;
  report_.last = envelope.time;
  batch_.push_back(envelope);
  if (batch_.size() >= kBatch) decide_batch();
}

void Replay::decide_batch() {
  const std::vector<ReplayAnswer> now = next_.decide(batch_);
  std::vector<ReplayAnswer> before;
  if (against_) before = against_->decide(batch_);
  std::size_t next = 0;
  for (const RecordedEnvelope& envelope : batch_) {
    for (const RecordedRecipient& recipient : envelope.recipients) {
      const std::size_t i = next++;
      ++report_.recipients;
      if (now[i].hidden || (against_ && before[i].hidden)) {
        ++report_.hidden;
      } else {
        const bool copies = against_ || envelope.knows_copies;
        compare(envelope, recipient, against_ ? before[i].way : recipient.way, now[i], copies);
      }
    }
  }
  batch_.clear();
}

void Replay::compare(const RecordedEnvelope& envelope,
                     const RecordedRecipient& recipient,
                     const Way& from,
                     const ReplayAnswer& to,
                     bool knows_copies) {
  if (from.kind == DecisionKind::defer) {
    ++report_.deferred_before;
  } else if (is_policy_stage(from.stage)) {
    ++report_.by_policy;
  } else if (to.way.kind == DecisionKind::defer) {
    ++report_.deferred;
    note(envelope, recipient, labels_of(from, to.way), to);
  } else if (!is_same(from, to.way)) {
    ++report_.changed;
    Labels labels = labels_of(from, to.way);
    if (knows_copies) labels = with_copies(std::move(labels), from, to.way);
    note(envelope, recipient, std::move(labels), to);
  } else if (knows_copies && !has_same_copies(from, to.way)) {
    ++report_.changed;
    ReplayAnswer cause = to;
    cause.stage = "copies";
    cause.reason = to.copies.empty() ? "no stage asks for a copy" : to.copies;
    note(envelope, recipient, labels_of_copies(from, to.way), cause);
  } else {
    ++report_.unchanged;
  }
}

void Replay::note(const RecordedEnvelope& envelope,
                  const RecordedRecipient& recipient,
                  Labels labels,
                  const ReplayAnswer& to) {
  auto& [before, after] = labels;
  ReplayGroup& group = groups_[{before, after, to.stage}];
  if (group.recipients++ == 0) {
    group.from = std::move(before);
    group.to = std::move(after);
    group.stage = to.stage;
    group.reason = to.reason;
    group.deferred = to.way.kind == DecisionKind::defer;
  }
  if (group.examples.size() >= ReplayGroup::kExamples) return;
  group.examples.push_back({envelope.time,
                            recipient.address.text(),
                            envelope.sender.text(),
                            envelope.client.to_string(),
                            envelope.listener});
}

ReplayReport Replay::finish() {
  decide_batch();
  for (auto& [key, group] : groups_)
    report_.groups.push_back(std::move(group));
  std::stable_sort(
      report_.groups.begin(), report_.groups.end(), [](const ReplayGroup& a, const ReplayGroup& b) {
        return a.recipients > b.recipients;
      });
  return std::move(report_);
}

}  // namespace postern::gateway
