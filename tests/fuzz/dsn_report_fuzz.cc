// SPDX-License-Identifier: Apache-2.0
// Reports on what peers and senders wrote: whatever that is, there are CRLF line ends only, no line
// beyond 998 octets, three parts, and the boundary stands at exactly four line starts (the three
// parts and the end).
#include "queue/dsn/report.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace postern::dsn;
namespace smtp = postern::smtp;

void require(bool truth) {
  if (!truth) std::abort();
}

/// The input's pieces, each ended by the octet 0xfe, which no UTF-8 has.
std::string_view next(std::string_view& input) {
  const std::size_t end = input.find('\xfe');
  const std::string_view out = input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  return out;
}

std::string_view boundary_of(std::string_view octets) {
  constexpr std::string_view kStart = "\r\n\tboundary=\"";
  const std::size_t begin = octets.find(kStart);
  require(begin != std::string_view::npos);
  octets.remove_prefix(begin + kStart.size());
  return octets.substr(0, octets.find('"'));
}

void check_lines(std::string_view octets, bool eight_bit) {
  const std::string delimiter = "--" + std::string(boundary_of(octets));
  std::array<std::string_view, 4> found;
  std::size_t delimiters = 0;
  while (!octets.empty()) {
    const std::size_t end = octets.find("\r\n");
    require(end != std::string_view::npos && end <= 998);
    const std::string_view line = octets.substr(0, end);
    require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    if (!eight_bit)
      for (const char c : line)
        require(static_cast<unsigned char>(c) < 0x80);
    if (line.substr(0, delimiter.size()) == delimiter) {
      require(delimiters < found.size());
      found[delimiters++] = line.substr(delimiter.size());
    }
    octets.remove_prefix(end + 2);
  }
  require(delimiters == 4);
  require(found[0].empty() && found[1].empty() && found[2].empty() && found[3] == "--");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  Facts facts;
  facts.hostname = "gw.company.ru";
  facts.sender.parameters.ret = (data[0] & 1U) != 0 ? smtp::Ret::full : smtp::Ret::headers;
  facts.sender.parameters.smtputf8 = (data[0] & 2U) != 0;
  facts.ascii_only = (data[0] & 4U) != 0;
  facts.most_returned = (data[0] & 8U) != 0 ? 100 : 1U << 20U;
  ReportedRecipient r;
  r.action = static_cast<Action>(data[1] % 5);
  r.reply = smtp::Reply(data[1] < 250 ? 550 : 0, {5, data[1], 1}, std::string(next(input)));
  r.recipient.parameters.orcpt = next(input);
  r.recipient.address = smtp::Mailbox(next(input), "company.ru");
  r.host = next(input);
  r.reason = next(input);
  r.next_hop = r.host;
  facts.recipients = {r, r};
  facts.sender.path = smtp::ReversePath(smtp::Mailbox(next(input), "partner.ru"));
  facts.sender.parameters.envid = next(input);
  facts.header = next(input);
  facts.message = input;
  const std::optional<Report> report = compose(facts);
  if (!report) {
    require(facts.ascii_only);
    return 0;
  }
  require(report->octets.size() >= 2);
  check_lines(report->octets, report->needs_8bitmime || report->needs_smtputf8);
  if (facts.ascii_only) require(!report->needs_8bitmime && !report->needs_smtputf8);
  // The boundary of this report, written by a peer, ends no part of the next.
  const std::string own = "\r\n--" + std::string(boundary_of(report->octets)) + "\r\n";
  const std::string message = std::string(facts.header) + own + "\r\n" + own;
  facts.message = message;
  facts.recipients[0].reply = smtp::Reply(550, {5, 1, 1}, own);
  facts.recipients[1].reason = own;
  const std::optional<Report> again = compose(facts);
  require(again.has_value());
  check_lines(again->octets, again->needs_8bitmime || again->needs_smtputf8);
  return 0;
}
