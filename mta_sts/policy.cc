// SPDX-License-Identifier: Apache-2.0
#include "mta_sts/policy.h"

#include "dns/name.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace postern::mta_sts {
namespace {

using namespace std::string_view_literals;

/// The policy's WSP.
constexpr std::string_view kBlanks = " \t";
constexpr std::size_t kMostAgeDigits = 10;

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A key's name (sts-policy-ext-name).
bool is_key(std::string_view name) {
  const auto good = [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; };
  return !name.empty() && name.size() <= 32 && is_alnum(name.front()) &&
         std::all_of(name.begin(), name.end(), good);
}

/// No control characters; what is not ASCII may be in extensions.
bool is_value(std::string_view value) {
  const auto bad = [](char c) { return (c >= '\0' && c < ' ') || c == '\x7f'; };
  return !value.empty() && std::none_of(value.begin(), value.end(), bad);
}

/// "mail.example.com" or "*.example.com", as it is compared.
std::optional<std::string> pattern_of(std::string_view text) {
  const bool wild = text.starts_with("*.");
  const std::optional<std::string> name = dns::query_name(wild ? text.substr(2) : text);
  if (!name) return std::nullopt;
  return wild ? "*." + *name : *name;
}

/// The values as they stand in the text; the first of each counts.
struct Fields {
  Fields() = default;  // no aggregate: a text must not make one
  std::optional<std::string_view> version;
  std::optional<std::string_view> mode;
  std::optional<std::string_view> max_age;
  std::vector<std::string_view> mx;
};

void take(std::string_view key, std::string_view value, Fields& fields) {
  const auto first = [&value](std::optional<std::string_view>& into) {
    if (!into) into = value;
  };
  if (key == "version") first(fields.version);
  if (key == "mode") first(fields.mode);
  if (key == "max_age") first(fields.max_age);
  if (key == "mx") fields.mx.push_back(value);
}

Result<Fields, std::string> fields_of(std::string_view text) {
  Fields fields;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (without_blanks(line).empty()) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_key(line.substr(0, colon)))
      return fmt::format("line {} is not \"key: value\"", number);
    const std::string_view value = without_blanks(line.substr(colon + 1));
    if (!is_value(value)) return fmt::format("line {} has no value that can be read", number);
    take(line.substr(0, colon), value, fields);
    if (fields.mx.size() > kMostPatterns)
      return fmt::format("there are more than {} mx lines", kMostPatterns);
  }
  return fields;
}

std::optional<Mode> mode_of(std::string_view word) {
  for (const Mode mode : {Mode::none, Mode::testing, Mode::enforce}) {
    if (word == name_of(mode)) return mode;
  }
  return std::nullopt;
}

std::optional<std::chrono::seconds> age_of(std::string_view digits) {
  std::uint64_t seconds = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, ec] = std::from_chars(digits.data(), end, seconds);
  if (ec != std::errc() || at != end || digits.size() > kMostAgeDigits) return std::nullopt;
  return std::min(std::chrono::seconds(seconds), kMostAge);
}

/// A record that says it is one of ours (sts-version and a delimiter behind it).
bool is_sts(std::string_view record) {
  constexpr std::string_view kVersion = "v=STSv1";
  if (!record.starts_with(kVersion)) return false;
  return without_blanks(record.substr(kVersion.size())).starts_with(';');
}

bool is_id(std::string_view value) {
  return !value.empty() && value.size() <= 32 && std::all_of(value.begin(), value.end(), is_alnum);
}

/// The id of one record; nullopt: it is not well-formed.
std::optional<std::string> id_of(std::string_view record) {
  std::optional<std::string> id;
  record.remove_prefix(record.find(';') + 1);
  while (!record.empty()) {
    const std::size_t end = std::min(record.find(';'), record.size());
    const std::string_view field = without_blanks(record.substr(0, end));
    record.remove_prefix(std::min(end + 1, record.size()));
    if (field.empty() && record.empty()) break;  // the delimiter at the end
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos || !is_key(field.substr(0, equals))) return std::nullopt;
    const std::string_view value = field.substr(equals + 1);
    if (!is_value(value)) return std::nullopt;
    if (id || field.substr(0, equals) != "id"sv) continue;
    if (!is_id(value)) return std::nullopt;
    id = std::string(value);
  }
  return id;
}

}  // namespace

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::none:
      return "none";
    case Mode::testing:
      return "testing";
    case Mode::enforce:
      break;
  }
  return "enforce";
}

Result<Policy, std::string> parse_policy(std::string_view text) {
  if (text.size() > kMostOctets) return std::string("the policy is longer than 64 KiB");
  const Result<Fields, std::string> fields = fields_of(text);
  if (!fields) return fields.error();
  if (fields->version != "STSv1"sv) return std::string("the version is not STSv1");
  const std::optional<Mode> mode = fields->mode ? mode_of(*fields->mode) : std::nullopt;
  if (!mode) return std::string("the mode is not none, testing or enforce");
  const auto age = fields->max_age ? age_of(*fields->max_age) : std::nullopt;
  if (!age) return std::string("max_age is not a number of seconds");
  Policy policy{*mode, *age, {}};
  for (const std::string_view mx : fields->mx) {
    std::optional<std::string> pattern = pattern_of(mx);
    if (!pattern) return std::string("an mx line has no host name or \"*.\" and a domain");
    policy.mx.push_back(*std::move(pattern));
  }
  if (policy.mx.empty() && policy.mode != Mode::none) return std::string("there is no mx line");
  return policy;
}

std::vector<std::string> lines_of(const Policy& policy) {
  std::vector<std::string> out{"version: STSv1", fmt::format("mode: {}", name_of(policy.mode))};
  for (const std::string& mx : policy.mx)
    out.push_back("mx: " + mx);
  out.push_back(fmt::format("max_age: {}", policy.max_age.count()));
  return out;
}

bool mx_matches(std::string_view pattern, std::string_view host) {
  const std::optional<std::string> name = dns::query_name(host);
  if (!name) return false;
  if (!pattern.starts_with("*.")) return *name == pattern;
  const std::size_t dot = name->find('.');
  return dot != std::string::npos && std::string_view(*name).substr(dot) == pattern.substr(1);
}

bool allows(const Policy& policy, std::string_view host) {
  const auto matches = [host](const std::string& pattern) { return mx_matches(pattern, host); };
  return std::any_of(policy.mx.begin(), policy.mx.end(), matches);
}

std::optional<std::string> announced_id(const std::vector<std::string>& records) {
  const std::string* only = nullptr;
  for (const std::string& record : records) {
    if (!is_sts(record)) continue;
    if (only != nullptr) return std::nullopt;
    only = &record;
  }
  return only == nullptr ? std::nullopt : id_of(*only);
}

}  // namespace postern::mta_sts
