// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"

#include <algorithm>

namespace postern::gateway {
namespace {

/// "2h", "90s": as an administrator would write it.
std::string duration_text(std::chrono::milliseconds value) {
  const std::int64_t ms = value.count();
  if (ms % 86'400'000 == 0 && ms != 0) return fmt::format("{}d", ms / 86'400'000);
  if (ms % 3'600'000 == 0 && ms != 0) return fmt::format("{}h", ms / 3'600'000);
  if (ms % 60'000 == 0 && ms != 0) return fmt::format("{}m", ms / 60'000);
  if (ms % 1'000 == 0) return fmt::format("{}s", ms / 1'000);
  return fmt::format("{}ms", ms);
}

}  // namespace

std::string key_of(std::string_view path) {
  std::string out;
  bool inside = false;
  for (const char c : path) {
    if (c == '[') inside = true;
    if (!inside) out += c;
    if (c == ']') inside = false;
  }
  return out;
}

Section::Section(Reader& reader, const Node* table, std::string path)
    : reader_(reader), table_(table), path_(std::move(path)) {
  if (table_ != nullptr && !path_.empty()) {
    reader_.config.positions[path_] = Position{table_->line, table_->column};
  }
}

bool Section::has(std::string_view key) const {
  return table_ != nullptr && table_->find(key) != nullptr;
}

std::string Section::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void Section::fail(std::string_view key, std::string code, std::string message) {
  reader_.error(path_of(key), std::move(code), std::move(message));
}

const Node* Section::take(std::string_view key) {
  known_.emplace_back(key);
  const std::string path = path_of(key);
  reader_.keys.insert(key_of(path));
  const Node* node = table_ == nullptr ? nullptr : table_->find(key);
  if (node != nullptr) reader_.config.positions[path] = Position{node->line, node->column};
  return node;
}

const Node* Section::take(std::string_view key, Node::Kind kind, std::string_view example) {
  const Node* node = take(key);
  if (node == nullptr || node->kind == kind) return node;
  fail(key,
       "wrong-type",
       fmt::format(
           "{} is wanted here, not {}; write {}", kind_name(kind), kind_name(node->kind), example));
  return nullptr;
}

const std::string* Section::read_text(std::string_view key, std::string_view example) {
  const Node* node = take(key, Node::Kind::string, fmt::format("{} = \"{}\"", key, example));
  return node == nullptr ? nullptr : &node->string;
}

void Section::read(std::string_view key, std::string& out, Need need) {
  const std::string* text = read_text(key, "...");
  if (text != nullptr) out = *text;
  if (need == Need::optional) return;
  if (!has(key)) {
    reader_.error(
        path_, "missing-key", fmt::format("the key \"{0}\" is missing; write {0} = \"...\"", key));
  } else if (text != nullptr && text->empty()) {
    fail(key, "empty-value", "this is empty; write a name or leave the whole table out");
  }
}

void Section::read(std::string_view key, bool& out) {
  const Node* node =
      take(key, Node::Kind::boolean, fmt::format("{0} = true or {0} = false, without quotes", key));
  if (node != nullptr) out = node->boolean;
}

void Section::read(std::string_view key, IpSet& out) {
  std::vector<IpPrefix> prefixes;
  each(key, [this, &prefixes](const std::string& path, const std::string& text) {
    const Parsed<IpPrefix> prefix = parse_prefix(text);
    if (prefix) {
      prefixes.push_back(*prefix);
    } else {
      reader_.error(path, "bad-address", prefix.error().text);
    }
  });
  if (has(key)) out = IpSet(std::move(prefixes));
}

void Section::read_size(std::string_view key,
                        std::uint64_t& out,
                        std::uint64_t min,
                        std::uint64_t max) {
  const Node* node = take(key);
  if (node == nullptr) return;
  std::uint64_t size = 0;
  if (node->kind == Node::Kind::integer && node->integer >= 0) {
    size = static_cast<std::uint64_t>(node->integer);
  } else if (node->kind == Node::Kind::string) {
    const Parsed<std::uint64_t> parsed = parse_size(node->string);
    if (!parsed) return fail(key, "bad-size", parsed.error().text);
    size = *parsed;
  } else {
    return fail(key, "wrong-type", fmt::format("a size is wanted here; write {} = \"50MiB\"", key));
  }
  if (size < min || size > max) {
    return fail(
        key,
        "out-of-range",
        fmt::format(
            "{} octets is out of range; write a size from {} to {} octets", size, min, max));
  }
  out = size;
}

void Section::read(std::string_view key,
                   std::chrono::milliseconds& out,
                   std::chrono::milliseconds min,
                   std::chrono::milliseconds max) {
  const std::string* text = read_text(key, "30s");
  if (text == nullptr) return;
  const Parsed<std::chrono::milliseconds> parsed = parse_duration(*text);
  if (!parsed) return fail(key, "bad-duration", parsed.error().text);
  if (*parsed < min || *parsed > max) {
    return fail(key,
                "out-of-range",
                fmt::format("\"{}\" is out of range; write a duration from \"{}\" to \"{}\"",
                            *text,
                            duration_text(min),
                            duration_text(max)));
  }
  out = *parsed;
}

void Section::read(std::string_view key,
                   std::chrono::seconds& out,
                   std::chrono::seconds min,
                   std::chrono::seconds max) {
  std::chrono::milliseconds value = out;
  read(key, value, std::chrono::milliseconds(min), std::chrono::milliseconds(max));
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(value);
  if (whole != value)
    return fail(key, "bad-duration", "this has a fraction of a second; write whole seconds");
  out = whole;
}

std::int64_t Section::read_number(std::string_view key,
                                  std::int64_t now,
                                  std::int64_t min,
                                  std::int64_t max) {
  const Node* node = take(
      key, Node::Kind::integer, fmt::format("{} = {}, without quotes", key, std::max(now, min)));
  if (node == nullptr) return now;
  if (node->integer < min || node->integer > max) {
    fail(key,
         "out-of-range",
         fmt::format("{} is out of range; write a number from {} to {}", node->integer, min, max));
    return now;
  }
  return node->integer;
}

bool Section::read_word(std::string_view key,
                        std::string& out,
                        const std::vector<std::string>& names) {
  const std::string* text = read_text(key, names.front());
  if (text == nullptr) return false;
  if (std::find(names.begin(), names.end(), *text) == names.end()) {
    fail(key,
         "bad-value",
         fmt::format("\"{}\" is not known here; write one of {}", *text, quoted_list(names)));
    return false;
  }
  out = *text;
  return true;
}

void Section::each(
    std::string_view key,
    const std::function<void(const std::string& path, const std::string& text)>& take_one,
    Need need) {
  each(key, take_one, {}, need);
}

void Section::each(
    std::string_view key,
    const std::function<void(const std::string& path, const std::string& text)>& take_text,
    const std::function<void(Section&)>& take_table,
    Need need) {
  const Node* list = take(key);
  const std::string path = path_of(key);
  if (list == nullptr) {
    if (need == Need::required) {
      reader_.error(path_,
                    "missing-key",
                    fmt::format("the key \"{0}\" is missing; write {0} = [\"...\"]", key));
    }
    return;
  }
  if (list->kind != Node::Kind::array) {
    const std::string shown = list->kind == Node::Kind::string ? list->string : "...";
    return fail(key,
                "wrong-type",
                fmt::format("a list is wanted here, not {}; write {} = [\"{}\"]",
                            kind_name(list->kind),
                            key,
                            shown));
  }
  if (need == Need::required && list->items.empty()) {
    fail(key, "empty-value", fmt::format("this list is empty; write {} = [\"...\"]", key));
  }
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    const std::string item_path = fmt::format("{}[{}]", path, i);
    reader_.config.positions[item_path] = Position{item.line, item.column};
    if (item.kind == Node::Kind::string) {
      take_text(item_path, item.string);
    } else if (item.kind == Node::Kind::table && take_table) {
      Section section(reader_, &item, item_path);
      take_table(section);
      section.finish();
    } else {
      reader_.error(
          item_path,
          "wrong-type",
          fmt::format("a text is wanted here, not {}; put it in quotes", kind_name(item.kind)));
    }
  }
}

const Node* Section::table(std::string_view key) {
  return take(
      key, Node::Kind::table, fmt::format("[{}] on a line of its own", key_of(path_of(key))));
}

void Section::each_table(std::string_view key, const std::function<void(Section&)>& take_one) {
  const Node* list = take(key);
  if (list == nullptr) return;
  const std::string path = path_of(key);
  const std::string example = path_.empty() ? fmt::format("[[{}]] on a line of its own", key)
                                            : fmt::format("{} = [{{ ... }}]", key);
  if (list->kind != Node::Kind::array) {
    const std::string what = list->kind == Node::Kind::table ? "there may be several of these"
                                                             : "tables are wanted here";
    return fail(key, "wrong-type", fmt::format("{}; write {}", what, example));
  }
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const std::string item_path = fmt::format("{}[{}]", path, i);
    const Node& item = list->items[i];
    if (item.kind != Node::Kind::table) {
      reader_.config.positions[item_path] = Position{item.line, item.column};
      reader_.error(
          item_path, "wrong-type", fmt::format("a table is wanted here; write {}", example));
      continue;
    }
    Section section(reader_, &item, item_path);
    take_one(section);
    section.finish();
  }
}

void Section::finish() {
  if (table_ == nullptr) return;
  for (const Member& member : table_->members) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    const std::string path = path_of(member.key);
    reader_.config.positions[path] = Position{member.line, member.column};
    const std::optional<std::string> near = nearest(member.key, known_);
    const std::string advice = near ? fmt::format("write \"{}\" instead", *near)
                                    : fmt::format("write one of {}", quoted_list(known_));
    reader_.error(path, "unknown-key", fmt::format("there is no such key; {}", advice));
  }
}

}  // namespace postern::gateway
