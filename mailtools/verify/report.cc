// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

namespace postern::verify {
namespace {

using Json = nlohmann::ordered_json;

std::size_t count(const std::vector<Row>& rows, Verdict verdict) {
  return static_cast<std::size_t>(std::count_if(
      rows.begin(), rows.end(), [verdict](const Row& row) { return row.verdict == verdict; }));
}

std::string_view shown(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "PASS";
    case Verdict::failed:
      return "FAIL";
    case Verdict::not_tested:
      break;
  }
  return "NOT TESTED";
}

std::string_view word(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "passed";
    case Verdict::failed:
      return "failed";
    case Verdict::not_tested:
      break;
  }
  return "not tested";
}

void print_detail(std::ostream& out, std::string_view what, std::string_view text) {
  if (!text.empty()) out << fmt::format("    {:<9} {}\n", what, text);
}

void print_trouble(std::ostream& out, const Trouble& trouble) {
  const Advice* advice = find_advice(trouble.code);
  out << fmt::format("    {} [{}]\n", trouble.what.empty() ? "wrong" : trouble.what, trouble.code);
  if (advice == nullptr) return;
  out << fmt::format("      {}. Look at:\n", advice->meaning);
  for (const std::string& line : advice->look_at)
    out << fmt::format("      - {}\n", line);
}

/// ANSI: green, red, yellow.
std::string_view color_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "\x1b[32m";
    case Verdict::failed:
      return "\x1b[31m";
    case Verdict::not_tested:
      break;
  }
  return "\x1b[33m";
}

void print_row(std::ostream& out, const Row& row, bool color) {
  const std::string word = fmt::format("{:<10}", shown(row.verdict));
  out << (color ? fmt::format("{}{}\x1b[0m", color_of(row.verdict), word) : word)
      << fmt::format(" {:<19} {}\n", row.name, row.title);
  print_detail(out, "sent", row.sent);
  print_detail(out, "expected", row.expected);
  print_detail(out, "found", row.found);
  for (const std::string& path : row.paths)
    print_detail(out, "path", path);
  print_detail(out, row.verdict == Verdict::not_tested ? "why" : "note", row.why);
  for (const Trouble& trouble : row.troubles)
    print_trouble(out, trouble);
}

Json json_of(const Trouble& trouble) {
  Json out{
      {"code", trouble.code},
      {"what", trouble.what}
  };
  const Advice* advice = find_advice(trouble.code);
  out["meaning"] = advice == nullptr ? std::string() : advice->meaning;
  out["look_at"] = Json::array();
  if (advice == nullptr) return out;
  for (const std::string& line : advice->look_at)
    out["look_at"].push_back(line);
  return out;
}

Json json_of(const Row& row) {
  Json out{
      {"name",     row.name                      },
      {"title",    row.title                     },
      {"sent",     row.sent                      },
      {"expected", row.expected                  },
      {"found",    row.found                     },
      {"paths",    row.paths                     },
      {"verdict",  std::string(word(row.verdict))},
      {"why",      row.why                       }
  };
  out["troubles"] = Json::array();
  for (const Trouble& trouble : row.troubles)
    out["troubles"].push_back(json_of(trouble));
  return out;
}

}  // namespace

void fail(Row& row, std::string_view code, std::string what) {
  row.verdict = Verdict::failed;
  row.troubles.push_back({std::string(code), std::move(what)});
}

int status_of(const std::vector<Row>& rows) {
  return count(rows, Verdict::failed) == 0 ? 0 : 1;
}

void print_report(const std::vector<Row>& rows,
                  std::string_view run,
                  bool color,
                  std::ostream& out) {
  for (const Row& row : rows)
    print_row(out, row, color);
  if (!run.empty()) out << fmt::format("the letters' subjects hold {}\n", run);
  out << fmt::format("{} passed, {} failed, {} not tested\n",
                     count(rows, Verdict::passed),
                     count(rows, Verdict::failed),
                     count(rows, Verdict::not_tested));
}

std::string report_json(const std::vector<Row>& rows, std::string_view run) {
  Json out{
      {"status",              status_of(rows)},
      {            "run",     std::string(run)               },
      {     "passed",     count(rows,                    Verdict::passed)},
      {     "failed",     count(rows,                    Verdict::failed)},
      { "not_tested", count(rows,                Verdict::not_tested)}
  };
  out["rows"] = Json::array();
  for (const Row& row : rows)
    out["rows"].push_back(json_of(row));
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace postern::verify
