// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/sink/fault.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

// Private to mailtools/sink: the words that a fault is written in.

namespace postern::sink {

/// What stands between the colons of "rcpt:450:client=[2001:db8::/32]:text=a: b". Brackets keep
/// theirs together, and "text=" takes all that follows.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}
  bool empty() const { return rest_.empty(); }
  std::string_view peek() const { return rest_.substr(0, end_of_first()); }
  std::string_view next();

 private:
  std::size_t end_of_first() const;
  std::string_view rest_;
};

/// "connect", ... or "any"; "end" is another name of "data".
Result<Stage, FaultError> read_stage(std::string_view word);
/// All stages, for sentences.
std::string stage_list();
/// "450" or "450 4.2.1", for out.stage.
Result<void, FaultError> read_code(std::string_view word, Fault& out);
/// "200ms", "3s", "2m"; at most an hour.
Result<std::chrono::milliseconds, FaultError> read_span(std::string_view word);
/// "1000", "64K", "1M", with "/s" or without.
Result<std::uint64_t, FaultError> read_rate(std::string_view word);
/// A keyword of EHLO that a sink offers, in capitals.
Result<std::string_view, FaultError> read_extension(std::string_view word);
std::string extension_list();
/// Does the word look like a condition rather than a stage?
bool is_condition(std::string_view word);
/// Takes one condition off `words`.
Result<void, FaultError> read_condition(Words& words, Fault& out);

}  // namespace postern::sink
