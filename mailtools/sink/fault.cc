// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/fault.h"

#include "mailtools/sink/fault_words.h"
#include "smtp/address.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::sink {
namespace {

Result<void, FaultError> read_fail(Words& words, Fault& out) {
  const std::string_view stage = words.next();
  const std::string_view code = words.next();
  if (stage.empty() || code.empty())
    return FaultError{
        "what fails, and how? write STAGE:CODE, such as \"rcpt:450\" or \"data:550:to=bob@*\""};
  Result<Stage, FaultError> where = read_stage(stage);
  if (!where) return where.error();
  if (*where == Stage::any)
    return FaultError{"one reply does not fit every stage; write one of " + stage_list()};
  out.stage = *where;
  return read_code(code, out);
}

Result<void, FaultError> read_delay(Words& words, Fault& out) {
  const std::string_view stage = words.next();
  const std::string_view span = words.next();
  if (stage.empty() || span.empty())
    return FaultError{"what waits, and how long? write STAGE:TIME, such as \"mail:200ms\""};
  Result<Stage, FaultError> where = read_stage(stage);
  if (!where) return where.error();
  out.stage = *where;
  const auto read = read_span(span);
  if (!read) return read.error();
  out.span = *read;
  return {};
}

Result<void, FaultError> read_drop(Words& words, Fault& out) {
  const std::string_view what = words.next();
  if (what == "reset") {
    out.reset = true;
    return {};
  }
  constexpr std::pair<std::string_view, Fault::When> kWhens[] = {
      {"before-",   Fault::When::before  },
      {"after-",    Fault::When::after   },
      {"answered-", Fault::When::answered},
  };
  for (const auto& [prefix, when] : kWhens) {
    if (what.substr(0, prefix.size()) != prefix) continue;
    Result<Stage, FaultError> where = read_stage(what.substr(prefix.size()));
    if (!where) return where.error();
    out.when = when;
    out.stage = *where;
    return {};
  }
  return FaultError{fmt::format(
      "when is the connection dropped? instead of \"{}\" write before-STAGE, after-STAGE, "
      "answered-STAGE or reset, such as \"after-data\"",
      what)};
}

Result<void, FaultError> read_stall(Words& words, Fault& out) {
  // A stage, or conditions at once.
  const std::string_view word = words.peek();
  if (word.empty() || is_condition(word)) return {};
  Result<Stage, FaultError> where = read_stage(words.next());
  if (!where) return where.error();
  out.stage = *where;
  return {};
}

Result<void, FaultError> read_slow(Words& words, Fault& out) {
  const Result<std::uint64_t, FaultError> rate = read_rate(words.next());
  if (!rate) return rate.error();
  out.rate = *rate;
  return {};
}

Result<void, FaultError> read_extensions(Words& words, Fault& out) {
  std::string_view rest = words.next();
  if (rest.empty())
    return FaultError{"which extensions are hidden? write some of " + extension_list() +
                      ", with commas between them"};
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const Result<std::string_view, FaultError> keyword = read_extension(rest.substr(0, end));
    if (!keyword) return keyword.error();
    out.extensions.emplace_back(*keyword);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

struct KindRow {
  std::string_view name;
  Fault::Kind kind;
  Result<void, FaultError> (*read)(Words&, Fault&);
};

Result<void, FaultError> read_nothing(Words& /*words*/, Fault& /*out*/) {
  return {};
}

constexpr KindRow kKinds[] = {
    {"fail",      Fault::Kind::fail,      read_fail      },
    {"delay",     Fault::Kind::delay,     read_delay     },
    {"drop",      Fault::Kind::drop,      read_drop      },
    {"stall",     Fault::Kind::stall,     read_stall     },
    {"tls-fail",  Fault::Kind::tls_fail,  read_nothing   },
    {"slow-read", Fault::Kind::slow_read, read_slow      },
    {"no-ext",    Fault::Kind::no_ext,    read_extensions},
};

/// Is who is asked for known by the time that the fault would strike?
Result<void, FaultError> check_conditions(const Fault& fault) {
  const bool has_envelope = fault.stage == Stage::any || fault.stage >= Stage::mail;
  const bool may_know = fault.kind != Fault::Kind::tls_fail && fault.kind != Fault::Kind::no_ext;
  if (!fault.from.empty() && (!has_envelope || !may_know))
    return FaultError{
        "from= is not known there; write it at mail, rcpt, data-command, bdat or data, or write "
        "client="};
  if (!fault.to.empty() && (!has_envelope || !may_know || fault.stage == Stage::mail))
    return FaultError{
        "to= is not known there; write it at rcpt, data-command, bdat or data, or write from= or "
        "client="};
  if (fault.kind == Fault::Kind::no_ext &&
      (fault.nth != 0 || fault.first != 0 || fault.percent < 100))
    return FaultError{"extensions are hidden or not; write client= or no condition"};
  return {};
}

}  // namespace

Result<Fault, FaultError> parse_fault(std::string_view kind, std::string_view spec) {
  const auto* const row = std::find_if(
      std::begin(kKinds), std::end(kKinds), [kind](const auto& r) { return r.name == kind; });
  if (row == std::end(kKinds))
    return FaultError{fmt::format(
        "there is no fault \"{}\"; write fail, delay, drop, stall, tls-fail, slow-read or no-ext",
        kind)};
  Fault out;
  out.kind = row->kind;
  out.text = std::string(kind) + (spec.empty() ? "" : " ") + std::string(spec);
  Words words(spec);
  Result<void, FaultError> read = row->read(words, out);
  while (read && !words.empty())
    read = read_condition(words, out);
  if (read) read = check_conditions(out);
  if (!read) return read.error();
  return out;
}

bool matches(std::string_view pattern, std::string_view text) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  // Where the last * was, and how much of the text it covers so far: the only place to go back to.
  std::size_t star = std::string_view::npos;
  std::size_t covered = 0;
  std::size_t p = 0;
  std::size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      covered = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++covered;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

}  // namespace postern::sink
