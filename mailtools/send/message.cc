// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/message.h"

#include "base/date.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace postern::send {
namespace {

using Tokens = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kTemplate =
    "Date: %DATE%\n"
    "To: %TO_ADDRESS%\n"
    "From: %FROM_ADDRESS%\n"
    "Subject: test %DATE%\n"
    "Message-Id: <%MESSAGEID%>\n"
    "X-Mailer: postern send %SWAKS_VERSION%\n"
    "\n"
    "%BODY%\n";

/// Once, from the left: what is filled in is not looked at again.
std::string with_tokens(std::string_view text, const Tokens& tokens) {
  std::string out;
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find('%'), text.size());
    out.append(text.substr(0, begin));
    text.remove_prefix(begin);
    if (text.empty()) break;
    const std::size_t end = text.find('%', 1);
    const auto found = end == text.npos ? tokens.end() : tokens.find(text.substr(1, end - 1));
    if (found == tokens.end()) {
      out += '%';
      text.remove_prefix(1);
    } else {
      out.append(found->second);
      text.remove_prefix(end + 1);
    }
  }
  return out;
}

/// Fields of a header block, each with its continuation lines.
std::vector<std::string> fields_of(std::string_view block) {
  std::vector<std::string> out;
  while (!block.empty()) {
    const std::size_t end = std::min(block.find('\n'), block.size());
    std::string_view line = block.substr(0, end);
    block.remove_prefix(std::min(end + 1, block.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool goes_on = line.starts_with(' ') || line.starts_with('\t');
    if (goes_on && !out.empty()) {
      out.back().append("\r\n").append(line);
    } else if (!line.empty()) {
      out.emplace_back(line);
    }
  }
  return out;
}

bool is_field(std::string_view field, std::string_view name) {
  if (field.size() <= name.size() || field[name.size()] != ':') return false;
  return std::equal(name.begin(), name.end(), field.begin(), [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(a) == lower(b);
  });
}

/// Replaces all of that name by one, or says that there is none.
bool replace_field(std::vector<std::string>& fields, const std::string& field) {
  const std::string name = field.substr(0, field.find(':'));
  const auto same = [&name](const std::string& one) { return is_field(one, name); };
  const auto first = std::find_if(fields.begin(), fields.end(), same);
  if (first == fields.end()) return false;
  *first = field;
  fields.erase(std::remove_if(first + 1, fields.end(), same), fields.end());
  return true;
}

/// Head and body of a letter, without the line between them.
std::pair<std::string_view, std::string_view> split(std::string_view text) {
  for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
    std::string_view rest = text.substr(at + 1);
    if (rest.starts_with("\r\n")) return {text.substr(0, at + 1), rest.substr(2)};
    if (rest.starts_with('\n')) return {text.substr(0, at + 1), rest.substr(1)};
  }
  return {text, {}};
}

std::string_view without_end_dot(std::string_view text) {
  std::string_view out = text;
  if (out.ends_with('\n')) out.remove_suffix(1);
  if (out.ends_with('\r')) out.remove_suffix(1);
  if (!out.ends_with("\n.")) return text;
  out.remove_suffix(1);
  return out;
}

std::vector<std::string> lines_of(const std::vector<std::string>& given, bool utf8) {
  std::vector<std::string> out;
  for (const std::string& one : given) {
    for (std::string& field : fields_of(one))
      out.push_back(utf8 ? std::move(field) : encoded_field(field));
  }
  return out;
}

Tokens tokens_of(const MessageFacts& facts) {
  Tokens out;
  out["FROM_ADDRESS"] = facts.from;
  out["TO_ADDRESS"] = fmt::format("{}", fmt::join(facts.to, ","));
  out["DATE"] = rfc5322_date(facts.now);
  out["MESSAGEID"] = fmt::format("{}@{}", facts.id, facts.host);
  out["SWAKS_VERSION"] = POSTERN_VERSION;
  out["NEWLINE"] = "\r\n";
  return out;
}

/// The body as it goes into the letter, and the fields that say what it is.
Entity body_of(const MessageOptions& options, const MessageFacts& facts, const Tokens& tokens) {
  std::vector<MimePart> bodies = options.bodies;
  if (bodies.empty()) bodies.push_back({"text/plain", options.body});
  for (MimePart& body : bodies)
    body.octets = with_tokens(body.octets, tokens);
  const bool plain =
      options.bodies.empty() && options.attachments.empty() && is_ascii(bodies.front().octets);
  if (plain) return {{}, with_crlf(bodies.front().octets)};
  Entity out = make_entity(bodies, options.attachments, facts.id);
  out.fields.insert(out.fields.begin(), "MIME-Version: 1.0");
  return out;
}

}  // namespace

std::string with_line_ends(std::string_view typed) {
  std::string out;
  for (std::size_t at = 0; at < typed.size(); ++at) {
    const bool escaped = typed[at] == '\\' && at + 1 < typed.size() && typed[at + 1] == 'n';
    out += escaped ? '\n' : typed[at];
    if (escaped) ++at;
  }
  return out;
}

std::string compose(const MessageOptions& options, const MessageFacts& facts) {
  if (options.data && !options.fixup) return *options.data;
  Tokens tokens = tokens_of(facts);
  const Entity body = body_of(options, facts, tokens);
  std::string_view text = options.data ? std::string_view(*options.data) : kTemplate;
  if (options.strip_from && text.starts_with("From "))
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  const auto [head, rest] = split(without_end_dot(text));

  std::vector<std::string> fields = fields_of(head);
  std::vector<std::string> added = lines_of(options.added, options.utf8_fields);
  if (!facts.cc.empty() && !options.data)
    added.insert(added.begin(), fmt::format("Cc: {}", fmt::join(facts.cc, ", ")));
  std::vector<std::string> replacing = lines_of(options.headers, options.utf8_fields);
  if (!options.data || text.find("%BODY%") != text.npos)
    replacing.insert(replacing.begin(), body.fields.begin(), body.fields.end());
  for (std::string& field : replacing) {
    if (!replace_field(fields, field)) added.push_back(std::move(field));
  }

  std::string new_fields;
  for (const std::string& field : added)
    new_fields.append(with_tokens(field, tokens)).append("\r\n");
  std::string out;
  bool placed = false;
  for (const std::string& field : fields) {
    const bool here = field == "%NEW_HEADERS%";
    out.append(here ? new_fields : with_tokens(field, tokens) + "\r\n");
    placed = placed || here;
  }
  if (!placed) out += new_fields;
  tokens.emplace("BODY",
                 body.content.ends_with("\r\n") && !options.data
                     ? body.content.substr(0, body.content.size() - 2)
                     : body.content);
  out.append("\r\n").append(with_tokens(rest, tokens));
  return with_crlf(out);
}

}  // namespace postern::send
