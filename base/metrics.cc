// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace postern::metrics {
namespace {

/// Between the parts of a series' key; in no label.
constexpr char kSeparator = '\x1f';
constexpr std::string_view kOther = "other";

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

std::size_t count_labels(std::string_view names) {
  if (names.empty()) return 0;
  return 1 + static_cast<std::size_t>(std::count(names.begin(), names.end(), ' '));
}

/// `{listener="mx"}`, or nothing.
std::string shown_labels(std::string_view names, Labels values) {
  std::string out;
  for (const std::string_view value : values) {
    const std::size_t end = std::min(names.find(' '), names.size());
    out += out.empty() ? '{' : ',';
    out += names.substr(0, end);
    out += "=\"";
    append_escaped(out, value);
    out += '"';
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  if (!out.empty()) out += '}';
  return out;
}

template <class Number>
using Series = std::map<std::string, std::unique_ptr<Number>>;  ///< by their shown labels

class Registry {
 public:
  Registry() : counters_(families().size()), gauges_(families().size()) {
    for (std::size_t i = 0; i < families().size(); ++i) {
      if (!families()[i].labels.empty()) continue;
      const std::lock_guard lock(mutex_);
      if (families()[i].kind == Kind::counter) make(counters_[i], {});
    }
  }

  Counter& counter(std::string_view name, Labels labels) {
    return find(counters_, name, Kind::counter, labels);
  }
  Gauge& gauge(std::string_view name, Labels labels) {
    return find(gauges_, name, Kind::gauge, labels);
  }

  void forget_gauges(std::string_view name) {
    const std::lock_guard lock(mutex_);
    for (auto& [labels, gauge] : gauges_[index_of(name, Kind::gauge)])
      gauge->set(std::numeric_limits<double>::quiet_NaN());
  }

  std::string text() const {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (std::size_t i = 0; i < families().size(); ++i) {
      const Family& family = families()[i];
      const char* const kind = family.kind == Kind::counter ? "counter" : "gauge";
      fmt::format_to(std::back_inserter(out),
                     "# HELP {0} {1}\n# TYPE {0} {2}\n",
                     family.name,
                     family.help,
                     kind);
      for (const auto& [labels, counter] : counters_[i])
        fmt::format_to(std::back_inserter(out), "{}{} {}\n", family.name, labels, counter->value());
      for (const auto& [labels, gauge] : gauges_[i]) {
        const double value = gauge->value();
        if (std::isnan(value)) continue;
        fmt::format_to(std::back_inserter(out), "{}{} {}\n", family.name, labels, value);
      }
    }
    return out;
  }

 private:
  static std::size_t index_of(std::string_view name, [[maybe_unused]] Kind kind) {
    const std::span<const Family> all = families();
    const auto found =
        std::find_if(all.begin(), all.end(), [name](const Family& f) { return f.name == name; });
    assert(found != all.end() && found->kind == kind && "no such family");
    return found == all.end() ? 0 : static_cast<std::size_t>(found - all.begin());
  }

  template <class Number>
  static Number& make(Series<Number>& series, const std::string& labels) {
    std::unique_ptr<Number>& number = series[labels];
    if (!number) number = std::make_unique<Number>();
    return *number;
  }

  template <class Number>
  Number& find(std::vector<Series<Number>>& all, std::string_view name, Kind kind, Labels labels) {
    const std::size_t index = index_of(name, kind);
    const std::string_view names = families()[index].labels;
    assert(count_labels(names) == labels.size() && "other labels than the family has");
    std::string shown = shown_labels(names, labels);
    const std::lock_guard lock(mutex_);
    Series<Number>& series = all[index];
    if (series.size() >= kMostSeries && series.find(shown) == series.end()) {
      shown.clear();
      std::string_view rest = names;
      for (std::size_t i = 0; i < count_labels(names); ++i) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        fmt::format_to(std::back_inserter(shown),
                       "{}{}=\"{}\"",
                       shown.empty() ? '{' : ',',
                       rest.substr(0, end),
                       kOther);
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
      shown += '}';
    }
    return make(series, shown);
  }

  mutable std::mutex mutex_;
  std::vector<Series<Counter>> counters_;
  std::vector<Series<Gauge>> gauges_;
};

/// Never destroyed: threads may count until the very end.
Registry& registry() {
  static Registry& the_one = *new Registry;
  return the_one;
}

/// What this thread has looked up before; the key's memory is used again.
template <class Number, class Find>
Number& cached(std::string_view name, Labels labels, const Find& find) {
  thread_local std::unordered_map<std::string, Number*> known;
  thread_local std::string key;
  key.assign(name);
  for (const std::string_view label : labels) {
    key += kSeparator;
    key += label;
  }
  const auto found = known.find(key);
  if (found != known.end()) return *found->second;
  Number& number = find();
  // Labels beyond the limit are not kept either: they have no end.
  if (known.size() < kMostSeries * 8) known.emplace(key, &number);
  return number;
}

}  // namespace

std::size_t Counter::cell_of_this_thread() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kCells;
  return mine;
}

std::uint64_t Counter::value() const noexcept {
  std::uint64_t sum = 0;
  for (const Cell& cell : cells_)
    sum += cell.value.load(std::memory_order_relaxed);
  return sum;
}

Counter& counter(std::string_view name, Labels labels) {
  return cached<Counter>(
      name, labels, [&]() -> Counter& { return registry().counter(name, labels); });
}

Gauge& gauge(std::string_view name, Labels labels) {
  return registry().gauge(name, labels);
}

void forget_gauges(std::string_view name) {
  registry().forget_gauges(name);
}

std::string text() {
  return registry().text();
}

}  // namespace postern::metrics
