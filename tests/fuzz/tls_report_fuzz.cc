// SPDX-License-Identifier: Apache-2.0
// What DNS says of where TLS reports go, and what is counted: no destination can end a header field
// or a command, and what was saved is read again.
#include "tls_report/record.h"
#include "tls_report/report.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace postern::tls_report;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_tame(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '<' && c != '>' && c != '"';
  });
}

void check_destinations(const std::string& input) {
  const auto found = destinations_of({input});
  require(found.size() <= kMostDestinations);
  for (const Destination& one : found) {
    const bool mail = one.kind == Destination::Kind::mail;
    require(mail ? one.address.find('@') != std::string::npos : one.path.starts_with('/'));
    require(is_tame(one.address) && is_tame(one.host) && is_tame(one.path));
    require(one.port != 0);
  }
}

void check_letter(const std::string& input) {
  Facts facts;
  facts.organization = facts.contact = facts.from = facts.submitter = facts.domain = input;
  facts.id = "1";
  const std::string letter = report_letter(facts, input, gzip(report_json(facts, {})));
  const std::string head = letter.substr(0, letter.find("\r\n\r\n"));
  const auto lines = std::count(head.begin(), head.end(), '\n');
  require(lines == 13);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  check_destinations(input);
  destination_of(input);
  check_letter(input.substr(0, 200));
  if (const auto day = Day::load(input)) require(Day::load(day->save()).has_value());
  return 0;
}
