// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/plot.h"

#include "base/endpoint_text.h"
#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace postern::load {
namespace {

constexpr double kWidth = 860;
constexpr double kHeight = 480;
constexpr double kLeft = 84;
constexpr double kRight = 44;
constexpr double kTop = 64;
constexpr double kBottom = 64;
constexpr int kSteps = 240;  ///< points of a curve
/// Told apart also by those who do not see all colours (Okabe and Ito), dark enough for white.
constexpr std::string_view kColours[] = {
    "#0072b2", "#d55e00", "#007a5e", "#a3447f", "#8a6d00", "#444444"};
constexpr std::string_view kDashes[] = {"", "8 4", "2 3", "10 3 2 3", "5 5", "1 4"};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// A decade of milliseconds with its unit: "10 µs", "1 ms", "100 s".
std::string decade_text(int exponent) {
  if (exponent < -3) return fmt::format("{:.0f} ns", std::pow(10, exponent + 6));
  if (exponent < 0) return fmt::format("{:.0f} µs", std::pow(10, exponent + 3));
  if (exponent < 3) return fmt::format("{:.0f} ms", std::pow(10, exponent));
  return fmt::format("{:.0f} s", std::pow(10, exponent - 3));
}

/// The scales of one plot. x: how many nines, that is -log10(1 - quantile), from 0 on.
class Scales {
 public:
  explicit Scales(const std::vector<Curve>& curves) {
    std::uint64_t most = 1;
    double low = 1e300;
    double high = 0;
    for (const Curve& curve : curves) {
      most = std::max(most, curve.histogram->count());
      low = std::min(low, in_ms(curve.histogram->at(0)));
      high = std::max(high, in_ms(curve.histogram->max()));
    }
    nines_ = std::clamp(std::ceil(std::log10(static_cast<double>(most))), 2.0, 6.0);
    lowest_ = static_cast<int>(std::floor(std::log10(std::max(low, 1e-4))));
    highest_ = static_cast<int>(std::ceil(std::log10(std::max(high, 1e-3))));
    if (curves.empty()) lowest_ = -1;
    if (highest_ <= lowest_) highest_ = lowest_ + 1;
  }

  static double in_ms(Histogram::Span span) { return static_cast<double>(span.count()) / 1e6; }
  double nines() const { return nines_; }
  int lowest() const { return lowest_; }
  int highest() const { return highest_; }
  double x(double nines) const { return kLeft + (kWidth - kLeft - kRight) * nines / nines_; }
  double y(double ms) const {
    const double exponent = std::clamp(std::log10(std::max(ms, 1e-9)),
                                       static_cast<double>(lowest_),
                                       static_cast<double>(highest_));
    return kHeight - kBottom -
           (kHeight - kTop - kBottom) * (exponent - lowest_) / (highest_ - lowest_);
  }

 private:
  double nines_ = 2;
  int lowest_ = 0;
  int highest_ = 1;
};

void append_text(
    double x, double y, std::string_view anchor, std::string_view text, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
                 x,
                 y,
                 anchor,
                 escaped(text));
}

void append_line(
    double x1, double y1, double x2, double y2, std::string_view colour, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n",
                 x1,
                 y1,
                 x2,
                 y2,
                 colour);
}

void append_axes(const Scales& scales, std::string& out) {
  const double bottom = kHeight - kBottom;
  const double right = kWidth - kRight;
  for (int decade = scales.lowest(); decade <= scales.highest(); ++decade) {
    const double ms = std::pow(10, decade);
    append_line(kLeft, scales.y(ms), right, scales.y(ms), "#c8c8c8", out);
    append_text(kLeft - 8, scales.y(ms) + 4, "end", decade_text(decade), out);
    if (decade == scales.highest()) break;
    for (int i = 2; i < 10; ++i)
      append_line(kLeft, scales.y(ms * i), right, scales.y(ms * i), "#efefef", out);
  }
  struct Tick {
    double quantile;
    std::string_view text;
  };
  constexpr Tick kTicks[] = {
      {0,        "0 %"      },
      {0.5,      "50 %"     },
      {0.75,     "75 %"     },
      {0.9,      "90 %"     },
      {0.99,     "99 %"     },
      {0.999,    "99.9 %"   },
      {0.9999,   "99.99 %"  },
      {0.99999,  "99.999 %" },
      {0.999999, "99.9999 %"}
  };
  for (const Tick& tick : kTicks) {
    const double nines = -std::log10(1 - tick.quantile);
    if (nines > scales.nines() + 1e-6) break;
    append_line(scales.x(nines), kTop, scales.x(nines), bottom, "#c8c8c8", out);
    append_text(scales.x(nines), bottom + 20, "middle", tick.text, out);
  }
  append_line(kLeft, bottom, right, bottom, "#222222", out);
  append_line(kLeft, kTop, kLeft, bottom, "#222222", out);
  append_text((kLeft + right) / 2, kHeight - 16, "middle", "part of the letters", out);
  fmt::format_to(std::back_inserter(out),
                 "<text transform=\"translate(18 {:.1f}) rotate(-90)\" text-anchor=\"middle\">"
                 "latency, not longer than</text>\n",
                 (kTop + bottom) / 2);
}

void append_curve(const Scales& scales, const Curve& curve, std::size_t index, std::string& out) {
  const Histogram& spans = *curve.histogram;
  // Beyond the last of so many there is nothing to be seen.
  const double last =
      std::min(scales.nines(), std::log10(static_cast<double>(spans.count())) + 1e-9);
  fmt::format_to(std::back_inserter(out),
                 "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\"",
                 kColours[index % std::size(kColours)]);
  const std::string_view dashes = kDashes[index % std::size(kDashes)];
  if (!dashes.empty()) fmt::format_to(std::back_inserter(out), " stroke-dasharray=\"{}\"", dashes);
  out.append(" points=\"");
  for (int i = 0; i <= kSteps; ++i) {
    const double nines = last * i / kSteps;
    const double ms = Scales::in_ms(spans.at(1 - std::pow(10, -nines)));
    fmt::format_to(std::back_inserter(out), "{:.1f},{:.1f} ", scales.x(nines), scales.y(ms));
  }
  // The longest of all, at the end of what so many can show.
  fmt::format_to(std::back_inserter(out),
                 "{:.1f},{:.1f}\"/>\n",
                 scales.x(last),
                 scales.y(Scales::in_ms(spans.max())));
}

void append_legend(const std::vector<Curve>& curves, std::string& out) {
  double x = kLeft;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    fmt::format_to(
        std::back_inserter(out),
        "<line x1=\"{:.1f}\" y1=\"47\" x2=\"{:.1f}\" y2=\"47\" stroke=\"{}\" "
        "stroke-width=\"2\" stroke-dasharray=\"{}\"/>\n",
        x,
        x + 28,
        kColours[i % std::size(kColours)],
        kDashes[i % std::size(kDashes)].empty() ? "none" : kDashes[i % std::size(kDashes)]);
    append_text(x + 34, 51, "start", curves[i].title, out);
    x += 54 + 7.2 * static_cast<double>(curves[i].title.size());
  }
}

}  // namespace

std::string plot_latencies(std::string_view title, const std::vector<Curve>& curves) {
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222222\">\n<title>{2}</title>\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      kWidth,
      kHeight,
      escaped(title));
  fmt::format_to(std::back_inserter(out),
                 "<text x=\"{}\" y=\"26\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
                 kLeft,
                 escaped(title));
  const Scales scales(curves);
  append_axes(scales, out);
  if (curves.empty()) append_text(kWidth / 2, kHeight / 2, "middle", "nothing was measured", out);
  for (std::size_t i = 0; i < curves.size(); ++i)
    append_curve(scales, curves[i], i, out);
  append_legend(curves, out);
  return out += "</svg>\n";
}

std::string plot_outcome(const Options& options, const Outcome& outcome) {
  const std::string pace = options.sessions > 0
                               ? fmt::format("{} sessions, closed loop", options.sessions)
                               : fmt::format("{} letters/s due", options.rate);
  const std::string title = fmt::format("{}, {}: {:.0f}/s taken",
                                        host_port(options.server, options.port),
                                        pace,
                                        outcome.accepted_rate());
  std::vector<Curve> curves;
  for (const Latency& row : latencies(outcome)) {
    if (row.histogram->count() == 0) continue;
    curves.push_back(Curve{std::string(row.title), row.histogram});
  }
  return plot_latencies(title, curves);
}

}  // namespace postern::load
