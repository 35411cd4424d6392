// SPDX-License-Identifier: Apache-2.0
#include "smtp/reply_parser.h"

#include "smtp/error.h"

#include <algorithm>
#include <charconv>

namespace postern::smtp {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// "250" of "250-text"; 0 when that is no reply code. First digits outside 2 to 5 are not SMTP.
int reply_code(std::string_view line) {
  if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) ||
      !is_digit(line[2])) {
    return 0;
  }
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return 0;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/// One to three digits at the front of `text`, taken off.
bool take_number(std::string_view& text, std::uint16_t& number) {
  const std::string_view digits = text.substr(0, 3);
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (ec != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - digits.data()));
  return true;
}

bool take_dot(std::string_view& text) {
  if (text.empty() || text.front() != '.') return false;
  text.remove_prefix(1);
  return true;
}

bool is_control(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return (octet < 0x20 && octet != '\t') || octet == 0x7f;
}

}  // namespace

std::size_t parse_enhanced_status(std::string_view text, int klass, EnhancedStatus& status) {
  std::string_view rest = text;
  EnhancedStatus found;
  if (!take_number(rest, found.klass) || !take_dot(rest) || !take_number(rest, found.subject) ||
      !take_dot(rest) || !take_number(rest, found.detail)) {
    return 0;
  }
  if (found.klass != klass || (klass != 2 && klass != 4 && klass != 5)) return 0;
  if (!rest.empty() && rest.front() != ' ' && rest.front() != '\t') return 0;
  status = found;
  return text.size() - rest.size() + (rest.empty() ? 0 : 1);
}

Result<ReplyParser::Got> ReplyParser::parse(std::string_view& input) {
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view piece = input.substr(0, end);
    const std::size_t used = end == std::string_view::npos ? input.size() : end + 1;
    octets_ += used;
    if (octets_ > kOctetsRead) return make_error_code(Errc::reply_too_long);
    const std::size_t room = kOctetsKept - std::min(kOctetsKept, line_.size());
    // A CR that ends the line must be seen even where the line is cut: it is dropped below.
    line_.append(piece.substr(0, room));
    input.remove_prefix(used);
    if (end == std::string_view::npos) break;
    const Result<Got> got = end_of_line();
    if (!got || *got == Got::reply) return got;
  }
  return Got::nothing_yet;
}

Result<ReplyParser::Got> ReplyParser::end_of_line() {
  std::string_view line = line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  const int code = reply_code(line);
  if (code == 0 || (lines_ > 0 && code != code_)) return make_error_code(Errc::bad_reply);
  code_ = code;
  const bool last = line.size() == 3 || line[3] == ' ';
  std::string_view text = line.substr(std::min<std::size_t>(4, line.size()));
  EnhancedStatus status;
  const std::size_t lifted = parse_enhanced_status(text, code / 100, status);
  if (lifted > 0 && (status_.empty() || status == status_)) {
    status_ = status;
    text.remove_prefix(lifted);
  }
  keep(text);
  line_.clear();
  return last ? Got::reply : Got::nothing_yet;
}

void ReplyParser::keep(std::string_view text) {
  if (lines_++ >= kLinesKept || text_.size() >= kOctetsKept) return;
  if (lines_ > 1) text_ += '\n';
  text = text.substr(0, kOctetsKept - std::min(kOctetsKept, text_.size()));
  std::replace_copy_if(text.begin(), text.end(), std::back_inserter(text_), is_control, '?');
}

Reply ReplyParser::take() {
  Reply reply(code_, status_, std::move(text_));
  text_ = std::string();
  line_.clear();
  status_ = {};
  code_ = 0;
  lines_ = octets_ = 0;
  return reply;
}

}  // namespace postern::smtp
