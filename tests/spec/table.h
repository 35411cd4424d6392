// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace postern::spec {

/// One row of the oracle's table (tests/spec/table.py): a class of mail in one config, and what
/// docs/mail-flow.md wants to happen to it.
struct Row {
  std::string rules;  ///< that had a say: "R4 R7 S4"
  unsigned world = 0;
  std::string who;
  std::string client;
  std::string listener;
  std::string identity;
  std::string recipient;
  std::string kind;  ///< "route", "reject", "defer"
  std::string stage;
  std::string hop;
  std::string out;
  std::string code;
  std::string status;
  unsigned path = 0;      ///< rows of one letter's path have its number; 0: a row for itself
  unsigned received = 0;  ///< Received fields that the message has by now (R13)
  std::string trace;      ///< "fresh": a new message; "keep"; "forge": the trace field is broken
  std::string message;    ///< the reply once the header is there: "250 2.1.5", "554 5.4.6"
  std::string traced;     ///< "yes": it leaves with a trace field of ours (R13); "no"

  bool names(const std::string& rule) const;
};

/// The table, written by the oracle into a folder of its own that is gone with the object. The
/// oracle's own complaint, when it has one, is in `error`.
class Table {
 public:
  Table();
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  const std::vector<Row>& rows() const { return rows_; }
  unsigned worlds() const { return worlds_; }
  std::filesystem::path world(unsigned number) const;

  std::string error;

 private:
  void read();

  std::filesystem::path folder_;
  std::vector<Row> rows_;
  unsigned worlds_ = 0;
};

}  // namespace postern::spec
