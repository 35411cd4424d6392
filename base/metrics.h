// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// What the process counts, for monitoring: one registry for the process, which nobody owns and
/// which outlives every thread. docs/metrics.md has each name. Any thread may call anything here.
namespace postern::metrics {

/// A number that only grows. add() is one relaxed addition on a cache line that few threads share;
/// lookup is what costs, so that what is counted often keeps the reference.
class Counter {
 public:
  Counter() = default;
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void add(std::uint64_t n = 1) noexcept {
    cells_[cell_of_this_thread()].value.fetch_add(n, std::memory_order_relaxed);
  }
  std::uint64_t value() const noexcept;

 private:
  static constexpr std::size_t kCells = 16;
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> value{0};
  };
  static std::size_t cell_of_this_thread() noexcept;

  std::array<Cell, kCells> cells_;
};

/// A number as of now.
class Gauge {
 public:
  Gauge() = default;
  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;

  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  /// NaN: nothing is known, and nothing is shown.
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

enum class Kind : std::uint8_t { counter, gauge };

/// Numbers of one name. A new one is a row of base/metrics_families.cc and of docs/metrics.md.
struct Family {
  std::string_view name;
  Kind kind;
  /// Names of the labels, a space between two. Their values come from the config or are words of
  /// the source: never an address, a name or anything else that a client can choose.
  std::string_view labels;
  std::string_view help;
};
std::span<const Family> families();

/// Values of the family's labels, in its order.
using Labels = std::initializer_list<std::string_view>;

/// Series of one family; what comes beyond them is counted under "other".
inline constexpr std::size_t kMostSeries = 200;

/// The series with these labels, made where it is not there; valid for ever. `name` is a family of
/// that kind with as many labels: anything else is a defect, and ends a debug build. The second
/// look-up of a thread takes no lock.
Counter& counter(std::string_view name, Labels labels = {});
Gauge& gauge(std::string_view name, Labels labels = {});
/// Shows none of the family's gauges until they are set again: what they tell of may be gone.
void forget_gauges(std::string_view name);

/// All of it in Prometheus' text format, version 0.0.4.
std::string text();

}  // namespace postern::metrics
