// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/report.h"

#include "base/endpoint_text.h"
#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace postern::load {
namespace {

/// From here on the sending threads are what is measured.
constexpr double kBusy = 0.9;

double in_ms(std::chrono::nanoseconds span) {
  return static_cast<double>(span.count()) / 1e6;
}

double in_seconds(std::chrono::nanoseconds span) {
  return static_cast<double>(span.count()) / 1e9;
}

double per(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::uint64_t missing(std::uint64_t taken, std::uint64_t arrived) {
  return taken > arrived ? taken - arrived : 0;
}

std::string pace(const Options& options) {
  if (options.sessions > 0) return fmt::format("{} sessions, closed loop", options.sessions);
  const std::string_view kind = options.arrivals == ArrivalKind::poisson ? "poisson" : "constant";
  return fmt::format("{} letters/s, open loop, {}", options.rate, kind);
}

std::string octets_text(double octets) {
  if (octets >= 1e9) return fmt::format("{:.2f} GB", octets / 1e9);
  if (octets >= 1e6) return fmt::format("{:.2f} MB", octets / 1e6);
  return fmt::format("{:.1f} kB", octets / 1e3);
}

void append_latency_table(const Outcome& outcome, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "\n{:<18}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}\n",
                 "latency in ms",
                 "p50",
                 "p90",
                 "p99",
                 "p99.9",
                 "max",
                 "count");
  for (const Latency& row : latencies(outcome)) {
    const Histogram& spans = *row.histogram;
    if (spans.count() == 0) continue;
    fmt::format_to(std::back_inserter(out), "  {:<16}", row.title);
    for (const double quantile : {0.5, 0.9, 0.99, 0.999})
      fmt::format_to(std::back_inserter(out), "{:>10.3f}", in_ms(spans.at(quantile)));
    fmt::format_to(std::back_inserter(out), "{:>10.3f}{:>12}\n", in_ms(spans.max()), spans.count());
  }
}

void append_errors(const Errors& errors, std::string& out) {
  if (errors.empty()) return;
  out.append("\nerrors\n");
  for (const auto& [key, row] : errors.rows()) {
    fmt::format_to(std::back_inserter(out),
                   "  {:>8}  {:<10}{:<16}{}\n",
                   row.count,
                   name_of(key.step),
                   name_of(key.kind),
                   row.example);
  }
}

void append_notes(const Options& options, const Outcome& outcome, std::string& out) {
  const Figures& figures = outcome.figures;
  if (outcome.busiest_thread >= kBusy) {
    fmt::format_to(std::back_inserter(out),
                   "\nA sending thread was busy {:.0f} % of the time: what was measured is this "
                   "program too; give it more --threads.\n",
                   outcome.busiest_thread * 100);
  }
  if (figures.unsent > 0) {
    fmt::format_to(std::back_inserter(out),
                   "\n{} letters were due and never begun: the rate is more than the server takes "
                   "with {} sessions.\n",
                   figures.unsent,
                   options.max_sessions);
  }
  if (outcome.ended == "interrupted") out.append("\nInterrupted: the figures are of a part.\n");
}

void append_latency_json(std::string_view name, const Histogram& spans, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}: {{\"count\": {}", json_text(name), spans.count());
  if (spans.count() > 0) {
    fmt::format_to(
        std::back_inserter(out),
        ", \"p50\": {:.4f}, \"p90\": {:.4f}, \"p99\": {:.4f}, \"p99_9\": {:.4f}, \"max\": {:.4f}",
        in_ms(spans.at(0.5)),
        in_ms(spans.at(0.9)),
        in_ms(spans.at(0.99)),
        in_ms(spans.at(0.999)),
        in_ms(spans.max()));
  }
  out.push_back('}');
}

void append_errors_json(const Errors& errors, std::string& out) {
  out.append("\"errors\": [");
  bool first = true;
  for (const auto& [key, row] : errors.rows()) {
    fmt::format_to(std::back_inserter(out),
                   "{}{{\"kind\": {}, \"step\": {}, \"code\": {}, \"enhanced\": {}, \"count\": {}, "
                   "\"example\": {}}}",
                   first ? "" : ", ",
                   json_text(name_of(key.kind)),
                   json_text(name_of(key.step)),
                   key.code,
                   json_text(key.enhanced),
                   row.count,
                   json_text(row.example));
    first = false;
  }
  out.append("]");
}

void append_counts_json(const Outcome& outcome, std::string& out) {
  const Figures& figures = outcome.figures;
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 "\"messages\": {{\"sent\": {}, \"accepted\": {}, \"failed\": {}, \"unsent\": {}, "
                 "\"retried\": {}",
                 figures.sent,
                 figures.accepted,
                 figures.failed,
                 figures.unsent,
                 figures.retried);
  if (outcome.deliveries) {
    fmt::format_to(to,
                   ", \"delivered\": {}, \"copies\": {}",
                   outcome.deliveries->letters,
                   outcome.deliveries->copies);
  }
  fmt::format_to(to,
                 "}},\n \"recipients\": {{\"accepted\": {}, \"refused\": {}",
                 figures.recipients_accepted,
                 figures.recipients_refused);
  if (outcome.deliveries) {
    fmt::format_to(to, ", \"delivered\": {}", outcome.deliveries->recipients);
  }
  fmt::format_to(to,
                 "}},\n \"seconds\": {:.3f}, \"rate\": {{\"accepted\": {:.2f}",
                 outcome.seconds(),
                 outcome.accepted_rate());
  if (outcome.deliveries) fmt::format_to(to, ", \"delivered\": {:.2f}", outcome.delivered_rate());
  fmt::format_to(to, "}}, \"octets\": {},\n", figures.octets);
}

}  // namespace

double Outcome::seconds() const {
  return std::max(0.0, in_seconds(figures.last_end - counted));
}

double Outcome::sink_seconds() const {
  return deliveries ? std::max(0.0, in_seconds(deliveries->last - counted)) : 0;
}

double Outcome::accepted_rate() const {
  return per(figures.accepted, seconds());
}

double Outcome::delivered_rate() const {
  return deliveries ? per(deliveries->letters, sink_seconds()) : 0;
}

std::uint64_t Outcome::letters_missing() const {
  return deliveries ? missing(figures.accepted, deliveries->letters) : 0;
}

std::uint64_t Outcome::recipients_missing() const {
  return deliveries ? missing(figures.recipients_accepted, deliveries->recipients) : 0;
}

bool Outcome::all_well() const {
  const bool arrived = letters_missing() == 0 && recipients_missing() == 0;
  return figures.failed == 0 && figures.unsent == 0 && figures.recipients_refused == 0 &&
         figures.held_failed == 0 && arrived;
}

std::vector<Latency> latencies(const Outcome& outcome) {
  const Figures& figures = outcome.figures;
  std::vector<Latency> out{
      {"connect", "connect",       &figures.connect},
      {"tls",     "TLS handshake", &figures.tls    },
      {"rcpt",    "MAIL and RCPT", &figures.rcpt   },
      {"data",    "end of data",   &figures.data   },
      {"letter",  "letter",        &figures.letter }
  };
  if (outcome.deliveries) {
    out.push_back({"end_to_end", "end to end", &outcome.deliveries->end_to_end});
  }
  return out;
}

std::string text_report(const Options& options, const Outcome& outcome) {
  const Figures& figures = outcome.figures;
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 "{}, {}, {:.1f} s\n",
                 host_port(options.server, options.port),
                 pace(options),
                 outcome.seconds());
  fmt::format_to(
      to,
      "  taken        {} of {} letters, {:.1f}/s, {}/s\n",
      figures.accepted,
      figures.sent + figures.unsent,
      outcome.accepted_rate(),
      octets_text(outcome.seconds() > 0 ? static_cast<double>(figures.octets) / outcome.seconds()
                                        : 0));
  fmt::format_to(to,
                 "  recipients   {} taken, {} refused\n",
                 figures.recipients_accepted,
                 figures.recipients_refused);
  if (outcome.deliveries) {
    fmt::format_to(to,
                   "  arrived      {} letters, {:.1f}/s, {} copies of them\n",
                   outcome.deliveries->letters,
                   outcome.delivered_rate(),
                   outcome.deliveries->copies);
  }
  fmt::format_to(to,
                 "  connections  {}, {} failed, {} TLS handshakes, {} of them resumed\n",
                 figures.connections,
                 figures.connections_failed,
                 figures.handshakes,
                 figures.resumed);
  if (outcome.idle + outcome.slow > 0) {
    fmt::format_to(to,
                   "  beside them  {} idle and {} slow sessions, {} lost\n",
                   outcome.idle,
                   outcome.slow,
                   figures.held_lost);
  }
  append_latency_table(outcome, out);
  append_errors(figures.errors, out);
  append_notes(options, outcome, out);
  return out;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(text, text.size())) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out += '"';
}

std::string json_report(const Options& options, const Outcome& outcome) {
  const Figures& figures = outcome.figures;
  std::string out;
  const auto to = std::back_inserter(out);
  const bool open = options.sessions == 0;
  fmt::format_to(to,
                 "{{\"run\": {}, \"server\": {}, \"loop\": \"{}\", \"{}\": {}, \"ended\": {},\n ",
                 json_text(outcome.run),
                 json_text(host_port(options.server, options.port)),
                 open ? "open" : "closed",
                 open ? "target_rate" : "sessions",
                 open ? options.rate : static_cast<double>(options.sessions),
                 json_text(outcome.ended));
  append_counts_json(outcome, out);
  out.append(" \"latency_ms\": {");
  const std::vector<Latency> rows = latencies(outcome);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) out.append(",\n  ");
    append_latency_json(rows[i].name, *rows[i].histogram, out);
  }
  out.append("},\n ");
  append_errors_json(figures.errors, out);
  fmt::format_to(to,
                 ",\n \"connections\": {{\"opened\": {}, \"failed\": {}, \"handshakes\": {}, "
                 "\"resumed\": {}}},\n \"held\": {{\"idle\": {}, \"slow\": {}, \"lost\": {}}},\n",
                 figures.connections,
                 figures.connections_failed,
                 figures.handshakes,
                 figures.resumed,
                 outcome.idle,
                 outcome.slow,
                 figures.held_lost);
  fmt::format_to(to,
                 " \"behind_schedule_ms\": {:.4f},\n \"generator\": {{\"cpu_seconds\": {:.3f}, "
                 "\"busiest_thread\": {:.3f}}}}}\n",
                 in_ms(figures.behind),
                 in_seconds(outcome.cpu),
                 outcome.busiest_thread);
  return out;
}

}  // namespace postern::load
