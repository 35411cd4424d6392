// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::gateway {

enum class Severity : std::uint8_t { info, warning, error };

/// One thing that is to be said about a config file: where it is, what is wrong, what to write
/// instead. A plain value.
struct Finding {
  using Severity = gateway::Severity;

  Severity severity = Severity::error;
  std::string file;
  unsigned line = 0;  ///< from 1; 0: the file as a whole
  unsigned column = 0;
  std::string key;      ///< dotted, as docs/config.md has it ("listener.bind"); empty: none
  std::string message;  ///< one sentence or two, no newline
  std::string code;     ///< short and stable, for programs ("unknown-key")

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// `text` with control characters as \x0a: what a file says must not break the line that quotes it.
std::string on_one_line(std::string_view text);

/// 0: sound (there may be infos), 1: warnings, 2: errors.
int exit_status(const std::vector<Finding>& findings);

/// "file:line:column: error: key: message [code]", without a newline.
std::string format_text(const Finding& finding);

/// {"status":0|1|2,"findings":[{"severity","file","line","column","key","message","code"}...]}, an
/// interface that does not change. Ends with a newline.
std::string format_json(const std::vector<Finding>& findings);

/// Orders by place in the file; what stands at one place keeps its order.
void sort_by_place(std::vector<Finding>& findings);

}  // namespace postern::gateway
