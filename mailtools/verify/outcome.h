// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace postern::verify {

enum class Verdict : std::uint8_t { passed, failed, not_tested };

/// Something that is wrong, by a code that does not change (docs/verify.md lists them).
struct Trouble {
  std::string code;
  std::string what;  ///< this time: a reply's words, a number; may be empty
  friend bool operator==(const Trouble&, const Trouble&) = default;
};

/// A line of the table: one scenario or one probe, and what came of it. A plain value; its texts
/// are fit to be printed.
struct Row {
  std::string name;      ///< "S2", "x-relay": what --only takes
  std::string title;     ///< what is tested, in a line
  std::string sent;      ///< from where to whom
  std::string expected;  ///< may be empty
  std::string found;
  std::vector<std::string> paths;  ///< of the copies, by arrows
  Verdict verdict = Verdict::not_tested;
  std::string why;  ///< of not_tested; also a remark
  std::vector<Trouble> troubles;
};

/// The row has failed, for this among others.
void fail(Row& row, std::string_view code, std::string what);

/// What to look at when there is a trouble of this code: one sentence on what it means, and
/// settings of the guide (docs/mail-flow.md has its terms) one a line. Empty for unknown codes.
struct Advice {
  std::string code;
  std::string meaning;
  std::vector<std::string> look_at;
};
const Advice* find_advice(std::string_view code);
/// All there are, for the docs and the tests.
const std::vector<Advice>& all_advice();

/// 0: nothing failed, 1: something has.
int status_of(const std::vector<Row>& rows);

/// For people, with colours if asked. `run`: the beginning of the letters' tokens; empty: none was
/// sent.
void print_report(const std::vector<Row>& rows,
                  std::string_view run,
                  bool color,
                  std::ostream& out);
/// {"status","run","passed","failed","not_tested","rows":[{"name","title","sent","expected",
/// "found","paths","verdict","why","troubles":[{"code","what","meaning","look_at"}]}]}, an
/// interface that does not change. Ends with a newline.
std::string report_json(const std::vector<Row>& rows, std::string_view run);

}  // namespace postern::verify
