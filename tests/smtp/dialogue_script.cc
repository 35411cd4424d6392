// SPDX-License-Identifier: Apache-2.0
#include "dialogue_script.h"

#include "smtp/replies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace postern::smtp {
namespace {

Reply parse_reply(const std::string& text) {
  std::istringstream in(text);
  int code = 0;
  EnhancedStatus status;
  char dot = 0;
  in >> code >> status.klass >> dot >> status.subject >> dot >> status.detail;
  if (!in) throw std::runtime_error("a reply is CODE X.Y.Z TEXT");
  std::string rest;
  std::getline(in >> std::ws, rest);
  return {code, status, Text(rest)};
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c;
  }
  return out;
}

void set_limit(DialogueScript& script, std::istringstream& words) {
  std::string what;
  std::uint64_t value = 0;
  words >> what >> value;
  ServerLimits& limits = script.profile.limits;
  if (what == "errors") {
    limits.errors = static_cast<unsigned>(value);
  } else if (what == "messages") {
    limits.messages = static_cast<unsigned>(value);
  } else if (what == "refused_recipients") {
    limits.refused_recipients = static_cast<unsigned>(value);
  } else if (what == "idle_commands") {
    limits.idle_commands = static_cast<unsigned>(value);
  } else if (what == "message") {
    limits.message_octets = value;
  } else if (what == "recipients") {
    limits.recipients = value;
  } else if (what == "line") {
    limits.command_line_octets = value;
  } else {
    throw std::runtime_error("no such limit: " + what);
  }
}

std::string rest_of(std::istringstream& words) {
  std::string rest;
  std::getline(words >> std::ws, rest);
  return rest;
}

void direct(DialogueScript& script, const std::string& text) {
  std::istringstream words(text);
  std::string what;
  std::string word;
  words >> what;
  if (what == "submission") {
    script.profile.auth_required = true;
  } else if (what == "trusted") {
    script.trusted = true;
  } else if (what == "auth") {
    script.profile.auth_mechanisms = rest_of(words);
  } else if (what == "auth_needs_tls") {
    script.profile.auth_needs_tls = true;
  } else if (what == "limit") {
    set_limit(script, words);
  } else if (what == "offer" && words >> word && word == "binarymime") {
    script.profile.offer_binarymime = true;
  } else if (what == "rcpt" && words >> word) {
    script.recipient_replies[word] = parse_reply(rest_of(words));
  } else if (what == "begin") {
    script.begin_reply = parse_reply(rest_of(words));
  } else if (what == "end") {
    script.end_reply = parse_reply(rest_of(words));
  } else {
    throw std::runtime_error("no such directive: !" + text);
  }
}

using Kind = DialogueScript::Step::Kind;

void read_line(DialogueScript& script, const std::string& line, unsigned number) {
  if (line.empty() || line[0] == '#') return;
  const std::string head = line.substr(0, 3);
  const std::string text = line.size() > 3 ? line.substr(3) : "";
  if (line[0] == '!') {
    direct(script, line.substr(1));
  } else if (head == "C: " || line == "C:") {
    script.steps.push_back({Kind::client, text + "\r\n", number});
  } else if (head == "C> ") {
    script.steps.push_back({Kind::client, unescaped(text), number});
  } else if (line == "S: (closed)") {
    script.steps.push_back({Kind::closed, "(closed)", number});
  } else if (head == "S: ") {
    script.steps.push_back({Kind::server, text, number});
  } else {
    throw std::runtime_error("a line begins with C:, C>, S:, ! or #");
  }
}

bool matches(const std::string& said, const std::string& expected) {
  if (!expected.ends_with("...")) return said == expected;
  return said.starts_with(expected.substr(0, expected.size() - 3));
}

}  // namespace

DialogueScript DialogueScript::read(const std::filesystem::path& file) {
  DialogueScript script;
  script.name = file.filename().string();
  script.profile.hostname = "gw.company.ru";
  script.begin_reply = replies::ok();
  script.end_reply = Reply(250, {2, 0, 0}, Text(std::string("taken")));
  std::ifstream in(file);
  if (!in) throw std::runtime_error(script.name + " cannot be read");
  unsigned number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    try {
      read_line(script, line, number);
    } catch (const std::runtime_error& e) {
      throw std::runtime_error(script.name + ":" + std::to_string(number) + ": " + e.what());
    }
  }
  return script;
}

std::vector<std::filesystem::path> DialogueScript::all() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry :
       std::filesystem::directory_iterator(POSTERN_SOURCE_DIR "/tests/dialogues")) {
    if (entry.path().extension() == ".smtp") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void play(const DialogueScript& script, DialogueTarget& target) {
  std::string pipelined;
  for (const DialogueScript::Step& step : script.steps) {
    if (step.kind == Kind::client) {
      pipelined += step.text;
      continue;
    }
    if (!pipelined.empty()) target.send(std::exchange(pipelined, {}));
    const std::string said = target.next_line();
    ASSERT_TRUE(matches(said, step.text))
        << script.name << ":" << step.line << "\n  expected S: " << step.text
        << "\n  but was  S: " << said;
  }
  ASSERT_TRUE(pipelined.empty()) << script.name
                                 << " ends with lines of the client: nothing is checked";
}

}  // namespace postern::smtp
