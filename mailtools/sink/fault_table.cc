// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/fault.h"

#include <algorithm>

namespace postern::sink {
namespace {

/// SplitMix64's mixing step: every bit of the input moves every bit of the output.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

/// 0 to 100, below 100.
double dice(std::uint64_t seed, std::uint64_t fault, std::uint64_t throw_number) {
  const std::uint64_t bits = mixed(mixed(mixed(seed) ^ fault) ^ throw_number);
  return static_cast<double>(bits >> 11) * 0x1p-53 * 100;
}

bool is_at(const Fault& fault, Stage stage) {
  switch (fault.kind) {
    case Fault::Kind::tls_fail:
      return stage == Stage::starttls;
    case Fault::Kind::slow_read:
      return stage == Stage::data_command || stage == Stage::bdat;
    case Fault::Kind::no_ext:
      return false;
    default:
      return fault.stage == Stage::any || fault.stage == stage;
  }
}

bool is_for(const Fault& fault, const Occasion& occasion) {
  if (fault.client && !fault.client->contains(occasion.client)) return false;
  if (!fault.from.empty()) {
    if (!occasion.from) return false;
    const std::string_view from = occasion.from->empty() ? "<>" : *occasion.from;
    if (!matches(fault.from, from)) return false;
  }
  return fault.to.empty() ||
         std::any_of(occasion.to.begin(), occasion.to.end(), [&fault](std::string_view to) {
           return matches(fault.to, to);
         });
}

void add_to(const Fault& fault, Strike& out) {
  switch (fault.kind) {
    case Fault::Kind::fail:
      if (!out.reply) out.reply = fault.reply;
      break;
    case Fault::Kind::delay:
      out.delay += fault.span;
      break;
    case Fault::Kind::drop:
      if (!out.drop) out.drop = Strike::Drop{fault.when, fault.reset};
      break;
    case Fault::Kind::stall:
      out.stall = true;
      break;
    case Fault::Kind::tls_fail:
      out.tls_fail = true;
      break;
    case Fault::Kind::slow_read:
      out.rate = out.rate == 0 ? fault.rate : std::min(out.rate, fault.rate);
      break;
    case Fault::Kind::no_ext:
      break;
  }
}

}  // namespace

std::size_t FaultTable::add(Fault fault) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMost) return 0;
  entries_.push_back(Entry{++last_, std::move(fault)});
  count_.store(entries_.size(), std::memory_order_relaxed);
  version_.fetch_add(1, std::memory_order_relaxed);
  return last_;
}

bool FaultTable::remove(std::size_t number) {
  const std::lock_guard lock(mutex_);
  const auto gone =
      std::erase_if(entries_, [number](const Entry& e) { return e.number == number; });
  count_.store(entries_.size(), std::memory_order_relaxed);
  version_.fetch_add(1, std::memory_order_relaxed);
  return gone != 0;
}

void FaultTable::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  count_.store(0, std::memory_order_relaxed);
  version_.fetch_add(1, std::memory_order_relaxed);
}

std::vector<FaultTable::Row> FaultTable::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> out;
  for (const Entry& entry : entries_)
    out.push_back(Row{entry.number, entry.fault.text, entry.struck});
  return out;
}

bool FaultTable::strikes(Entry& entry, const Occasion& occasion) const {
  const Fault& fault = entry.fault;
  if (!is_at(fault, occasion.stage) || !is_for(fault, occasion)) return false;
  const std::uint64_t time = ++entry.asked;
  if (fault.nth != 0 && time != fault.nth) return false;
  if (fault.first != 0 && time > fault.first) return false;
  if (fault.percent < 100 && dice(seed_, entry.number, time) >= fault.percent) return false;
  ++entry.struck;
  return true;
}

Strike FaultTable::strike(const Occasion& occasion) {
  Strike out;
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_)
    if (strikes(entry, occasion)) add_to(entry.fault, out);
  return out;
}

std::vector<std::string> FaultTable::hidden(const IpAddress& client) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const Entry& entry : entries_) {
    const Fault& fault = entry.fault;
    if (fault.client && !fault.client->contains(client)) continue;
    out.insert(out.end(), fault.extensions.begin(), fault.extensions.end());
  }
  return out;
}

}  // namespace postern::sink
