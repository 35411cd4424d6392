// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/contents.h"

#include "mailtools/load/arrivals.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <utility>

namespace postern::load {
namespace {

constexpr std::string_view kField = "X-Postern-Load: ";
constexpr std::string_view kPad = "X-Postern-Pad: ";
constexpr std::string_view kSomeDate = "Tue, 24 Nov 2026 08:00:00 +0000";
/// The highest number that a head has room for.
constexpr std::uint64_t kMostNumber = 9'999'999'999'999;
constexpr std::size_t kLine = 76;
/// Each so many lines one begins with a dot, as letters have them now and then.
constexpr std::size_t kDotEvery = 32;
constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Lines that do not compress well; exactly `octets` with the line ends, 0 or at least 2.
std::string lines(std::uint64_t octets) {
  std::string out;
  out.reserve(octets);
  std::uint64_t seed = octets;
  for (std::size_t line = 1; out.size() < octets; ++line) {
    const std::uint64_t left = octets - out.size();
    // One octet alone has no room for a line end: the line before gets it.
    std::uint64_t length = std::min<std::uint64_t>(left - 2, kLine);
    if (left - 2 - length == 1) ++length;
    for (std::uint64_t i = 0; i < length; i += 8) {
      const std::uint64_t bits = scatter(seed++);
      for (std::uint64_t k = 0; k < std::min<std::uint64_t>(8, length - i); ++k) {
        out.push_back(kLetters[(bits >> (6 * k)) & 63]);
      }
    }
    if (length > 0 && line % kDotEvery == 0) out[out.size() - length] = '.';
    out.append("\r\n");
  }
  return out;
}

std::string with_dots(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / (kLine * kDotEvery) + 8);
  while (!text.empty()) {
    const std::size_t end = text.find('\n') + 1;
    if (text.front() == '.') out.push_back('.');
    out.append(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out.append(".\r\n");
}

void append_number(std::uint64_t number, std::string& out) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

template <class Number>
bool take(std::string_view& text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || next == end || *next != ' ') return false;
  text.remove_prefix(static_cast<std::size_t>(next - text.data()) + 1);
  return true;
}

std::optional<Mark> read_mark(std::string_view value) {
  Mark out;
  const std::size_t space = value.find(' ');
  if (space == std::string_view::npos || space == 0 || space > 32) return std::nullopt;
  out.run = value.substr(0, space);
  value.remove_prefix(space + 1);
  std::int64_t due = 0;
  if (!take(value, out.number) || !take(value, due) || due < 0) return std::nullopt;
  out.due = net::TimePoint(std::chrono::nanoseconds(due));
  if (value != "0" && value != "1") return std::nullopt;
  out.counted = value == "1";
  return out;
}

}  // namespace

std::optional<Mark> find_mark(std::string_view head) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    std::string_view line = head.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) return std::nullopt;
    if (line.starts_with(kField)) return read_mark(line.substr(kField.size()));
    head.remove_prefix(std::min(end + 1, head.size()));
  }
  return std::nullopt;
}

Read<Contents> Contents::make(const Options& options, std::string run) {
  Contents out;
  out.run_ = std::move(run);
  out.host_ = options.helo;
  out.from_ = options.from;
  out.to_ = options.to;
  out.users_ = options.users;
  out.null_sender_ = options.from.with(0).empty();
  Letter longest;
  longest.number = kMostNumber - 1;
  longest.first_user = options.users - 1;
  longest.due = net::TimePoint(std::chrono::nanoseconds(std::numeric_limits<std::int64_t>::max()));
  std::string head;
  out.append_fields(longest, kSomeDate, head);
  out.head_octets_ = head.size() + kPad.size() + 1 + 4;
  for (const Mix::Part& part : options.size.parts) {
    const std::uint64_t least = out.head_octets_;
    if (part.value < least || part.value == least + 1) {
      return fmt::format("--size: a letter with these addresses has at least {} octets, and not {}",
                         least,
                         least + 1);
    }
    Body body;
    body.bdat = lines(part.value - least);
    if (!options.bdat) body.data = with_dots(body.bdat);
    if (!options.bdat) body.bdat.clear();
    out.sizes_.push_back(part.value);
    out.bodies_.push_back(std::move(body));
  }
  return out;
}

void Contents::append_sender(const Letter& letter, std::string& out) const {
  from_.append(letter.number + 1, out);
}

void Contents::append_recipient(const Letter& letter, std::uint64_t index, std::string& out) const {
  to_.append((letter.first_user + index) % users_ + 1, out);
}

void Contents::append_fields(const Letter& letter, std::string_view date, std::string& out) const {
  out.append("From: <");
  if (null_sender_) {
    out.append("postmaster@").append(host_);
  } else {
    append_sender(letter, out);
  }
  out.append(">\r\nTo: <");
  append_recipient(letter, 0, out);
  out.append(">\r\nSubject: load ");
  append_number(letter.number, out);
  out.append("\r\nDate: ").append(date).append("\r\nMessage-ID: <");
  append_number(letter.number, out);
  out.append(".").append(run_).append("@").append(host_).append(">\r\n");
  out.append(kField).append(run_).append(" ");
  append_number(letter.number, out);
  out.append(" ");
  append_number(static_cast<std::uint64_t>(letter.due.time_since_epoch().count()), out);
  out.append(letter.counted ? " 1\r\n" : " 0\r\n");
}

void Contents::append_head(const Letter& letter, std::string_view date, std::string& out) const {
  const std::size_t before = out.size();
  append_fields(letter, date, out);
  const std::size_t used = out.size() - before + kPad.size() + 4;
  out.append(kPad).append(head_octets_ - std::min(used, head_octets_ - 1), 'x');
  out.append("\r\n\r\n");
}

}  // namespace postern::load
