// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace postern::verify {

/// `postern verify`.
struct VerifyOptions {
  std::string config;              ///< the gateway's
  std::string test;                ///< the test's file; empty: verify.toml beside `config`
  std::chrono::seconds wait{120};  ///< for letters to arrive
  std::chrono::seconds settle{5};  ///< then, for copies too many
  std::vector<std::string> only;   ///< rows by name, or the beginning of one: "S1", "probe"
  bool keep = false;               ///< letters stay in the mailboxes
  bool no_letters = false;         ///< probes alone
  bool json = false;
  bool color = false;
  bool progress = false;  ///< a line on `err` while letters are waited for
};

constexpr int kNothingReached = 69;
constexpr int kInterrupted = 130;

/// `name` is chosen by `only`: it is one of them or begins with one and a dash; nothing chosen is
/// everything.
bool is_chosen(std::string_view name, const std::vector<std::string>& only);
/// Every name that `only` may hold, in the order of the report.
std::vector<std::string> row_names();

/// Probes, sends, waits, prints. Exit status: 0 nothing failed, 1 something has, 2 a wrong config
/// or test's file, 69 nothing could be reached, 130 SIGINT or SIGTERM came while letters were
/// waited for. Blocks; one thread.
int run_verify(const VerifyOptions& options, std::ostream& out, std::ostream& err);

}  // namespace postern::verify
