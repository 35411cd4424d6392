// SPDX-License-Identifier: Apache-2.0
#include "tests/spec/table.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace postern::spec {
namespace {

constexpr std::size_t kColumns = 18;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t tab; (tab = line.find('\t', begin)) != std::string::npos; begin = tab + 1) {
    out.push_back(line.substr(begin, tab - begin));
  }
  out.push_back(line.substr(begin));
  return out;
}

unsigned number(const std::string& text) {
  return static_cast<unsigned>(std::stoul(text));
}

Row make_row(std::vector<std::string> cells) {
  Row row;
  row.rules = std::move(cells[0]);
  row.world = number(cells[1]);
  row.who = std::move(cells[2]);
  row.client = std::move(cells[3]);
  row.listener = std::move(cells[4]);
  row.identity = std::move(cells[5]);
  row.recipient = std::move(cells[6]);
  row.kind = std::move(cells[7]);
  row.stage = std::move(cells[8]);
  row.hop = std::move(cells[9]);
  row.out = std::move(cells[10]);
  row.code = std::move(cells[11]);
  row.status = std::move(cells[12]);
  row.path = number(cells[13]);
  row.received = number(cells[14]);
  row.trace = std::move(cells[15]);
  row.message = std::move(cells[16]);
  row.traced = std::move(cells[17]);
  return row;
}

}  // namespace

bool Row::names(const std::string& rule) const {
  std::istringstream words(rules);
  for (std::string word; words >> word;) {
    if (word == rule) return true;
  }
  return false;
}

Table::Table() {
  std::string pattern = (std::filesystem::temp_directory_path() / "postern-spec-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    error = "mkdtemp failed";
    return;
  }
  folder_ = pattern;
  const std::string command =
      std::string(POSTERN_PYTHON) + " -B " + POSTERN_SOURCE_DIR + "/tests/spec/table.py " + pattern;
  FILE* oracle = ::popen((command + " 2>&1").c_str(), "r");
  if (oracle == nullptr) {
    error = command + ": cannot be started";
    return;
  }
  std::string said;
  for (int c; (c = std::fgetc(oracle)) != EOF;)
    said += static_cast<char>(c);
  if (::pclose(oracle) != 0) {
    error = command + ":\n" + said;
    return;
  }
  read();
}

Table::~Table() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::filesystem::path Table::world(unsigned number) const {
  return folder_ / "worlds" / (std::to_string(number) + ".toml");
}

void Table::read() {
  std::ifstream in(folder_ / "rows.tsv");
  std::string line;
  std::getline(in, line);  // the columns' names
  while (std::getline(in, line)) {
    std::vector<std::string> cells = split(line);
    if (cells.size() != kColumns) {
      error = "a row of the table has the wrong number of columns: " + line;
      return;
    }
    rows_.push_back(make_row(std::move(cells)));
    worlds_ = std::max(worlds_, rows_.back().world + 1);
  }
}

}  // namespace postern::spec
