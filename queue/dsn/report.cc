// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/report.h"

#include "base/date.h"
#include "queue/dsn/octets.h"
#include "queue/dsn/status_part.h"
#include "queue/dsn/text_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace postern::dsn {
namespace {

/// A part of the report: its type and its octets.
struct Part {
  std::string_view type;
  std::string octets;
};
using Parts = std::array<Part, 3>;

constexpr std::string_view kGlobal = "message/global";
constexpr std::string_view kBoundaryStem = "=_postern_";
constexpr std::size_t kBoundaryDigits = 16;

/// FNV-1a. Neither secret nor strong: what must be unique is looked for, not hoped for.
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  for (const char c : text)
    seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return seed;
}

std::uint64_t hash_of(const Facts& facts) {
  std::uint64_t out = hash(facts.id, 0xcbf29ce484222325ULL);
  out = hash(facts.sender.path.text(), out);
  for (const ReportedRecipient& r : facts.recipients)
    out = hash(name(r.action), hash(r.recipient.address.text(), out));
  return hash(facts.header, out);
}

/// The numbers that stand behind kBoundaryStem in the parts, so that one pass finds a free one
/// however many a hostile message holds.
std::vector<std::uint64_t> numbers_taken(const Parts& parts) {
  std::vector<std::uint64_t> out;
  for (const Part& part : parts) {
    const std::string_view octets = part.octets;
    for (std::size_t at = octets.find(kBoundaryStem); at != std::string_view::npos;
         at = octets.find(kBoundaryStem, at + 1)) {
      const std::string_view digits = octets.substr(at + kBoundaryStem.size(), kBoundaryDigits);
      std::uint64_t number = 0;
      const auto [end, ec] =
          std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
      if (ec == std::errc()) out.push_back(number);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// A boundary that occurs in no part: nothing that a peer or the sender wrote can end one.
std::string free_boundary(const Parts& parts, std::uint64_t number) {
  const std::vector<std::uint64_t> taken = numbers_taken(parts);
  while (std::binary_search(taken.begin(), taken.end(), number))
    ++number;
  return fmt::format("{}{:016x}", kBoundaryStem, number);
}

/// Addresses in SMTPUTF8's form, and the message's own SMTPUTF8: RFC 6533's types are for these.
bool is_international(const Facts& facts) {
  if (!facts.sender.parameters.smtputf8 || facts.ascii_only) return false;
  return !is_ascii(facts.sender.path.text()) ||
         std::any_of(
             facts.recipients.begin(), facts.recipients.end(), [](const ReportedRecipient& r) {
               return !is_ascii(r.recipient.address.text()) ||
                      !is_ascii(r.recipient.parameters.orcpt);
             });
}

/// RET=FULL, and a message that can go back as it is. Not under REQUIRETLS: the way back may have
/// no TLS (RFC 8689 5).
Returned returned(const Facts& facts) {
  const smtp::MailParameters& asked = facts.sender.parameters;
  const std::string_view message = facts.message;
  const bool full = asked.ret == smtp::Ret::full && !asked.requiretls && !message.empty() &&
                    message.size() <= facts.most_returned &&
                    (!facts.ascii_only || is_ascii(message)) && is_clean_message(message);
  return full ? Returned::message : Returned::header;
}

Part returned_part(const Facts& facts, Returned what, bool international) {
  const bool utf8_header = facts.sender.parameters.smtputf8 && !is_ascii(facts.header);
  const bool global = international || (utf8_header && !facts.ascii_only);
  if (what == Returned::message)
    return {global ? "message/global" : "message/rfc822", std::string(facts.message)};
  const Charset charset = facts.ascii_only ? Charset::ascii : global ? Charset::utf8 : Charset::any;
  return {global ? "message/global-headers" : "text/rfc822-headers",
          clean_header(facts.header, facts.most_returned, charset)};
}

Parts parts_of(const Facts& facts, bool international) {
  const Returned what = returned(facts);
  const Charset text = facts.ascii_only ? Charset::ascii : Charset::utf8;
  const Charset status = international ? Charset::utf8 : Charset::ascii;
  Parts parts{
      Part{"text/plain; charset=utf-8", readable_text(facts,                               what, text)},
      Part{international ? "message/global-delivery-status" : "message/delivery-status",
           delivery_status(facts, status)                                                               },
      returned_part(facts, what, international)
  };
  if (is_ascii(parts[0].octets)) parts[0].type = "text/plain; charset=us-ascii";
  return parts;
}

std::string_view encoding(bool ascii) {
  return ascii ? "Content-Transfer-Encoding: 7bit\r\n" : "Content-Transfer-Encoding: 8bit\r\n";
}

void append_part(const Part& part,
                 std::string_view description,
                 std::string_view boundary,
                 std::string& out) {
  out.append("--").append(boundary).append("\r\n");
  out.append("Content-Type: ").append(part.type).append("\r\n");
  out.append("Content-Description: ").append(description).append("\r\n");
  out.append(encoding(is_ascii(part.octets))).append("\r\n");
  out.append(part.octets).append("\r\n");
}

void append_header(const Facts& facts,
                   std::uint64_t number,
                   std::string_view boundary,
                   bool ascii,
                   std::string& out) {
  const Charset charset = facts.ascii_only ? Charset::ascii : Charset::utf8;
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(facts.now.time_since_epoch()).count();
  const auto add = [&](std::string_view field, std::string_view value) {
    append_field(field, value, charset, out);
  };
  add("Date", rfc5322_date(facts.now));
  add("From", "Mail Delivery System <postmaster@" + facts.hostname + ">");
  add("To", "<" + facts.sender.path.text() + ">");
  add("Subject", subject(facts));
  add("Message-ID", fmt::format("<dsn.{}.{:016x}@{}>", micros, number, facts.hostname));
  add("MIME-Version", "1.0");
  add("Auto-Submitted", "auto-replied");
  out.append("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"");
  out.append(boundary).append("\"\r\n");
  out.append(encoding(ascii)).append("\r\n");
}

}  // namespace

std::optional<Report> compose(const Facts& facts) {
  if (facts.sender.path.is_null() || facts.recipients.empty()) return std::nullopt;
  if (facts.ascii_only && !is_ascii(facts.sender.path.text())) return std::nullopt;
  const bool international = is_international(facts);
  const Parts parts = parts_of(facts, international);
  const std::uint64_t number = hash_of(facts);
  const std::string boundary = free_boundary(parts, number);
  const bool ascii = std::all_of(
      parts.begin(), parts.end(), [](const Part& part) { return is_ascii(part.octets); });

  Report report;
  append_header(facts, number, boundary, ascii, report.octets);
  const bool header_is_ascii = is_ascii(report.octets);
  append_part(parts[0], "Notification", boundary, report.octets);
  append_part(parts[1], "Delivery report", boundary, report.octets);
  append_part(parts[2], "Your message", boundary, report.octets);
  report.octets.append("--").append(boundary).append("--\r\n");
  report.needs_8bitmime = !ascii;
  report.needs_requiretls = facts.sender.parameters.requiretls;
  // RFC 6533 4 to 6: what is in a "global" type travels unencoded under SMTPUTF8 only.
  report.needs_smtputf8 =
      !header_is_ascii || std::any_of(parts.begin(), parts.end(), [](const Part& part) {
        return part.type.substr(0, kGlobal.size()) == kGlobal && !is_ascii(part.octets);
      });
  return report;
}

}  // namespace postern::dsn
