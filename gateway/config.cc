// SPDX-License-Identifier: Apache-2.0
#include "gateway/config.h"

#include "base/host_name.h"
#include "gateway/config_reader.h"
#include "gateway/plugins.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

namespace postern::gateway {
namespace {

/// A config beyond this is a slip (a log or an image was named); reading it whole would hurt.
constexpr std::size_t kMostOctets = 16U << 20;

std::string_view parent_of(std::string_view path) {
  const std::size_t end = path.find_last_of(".[");
  return end == std::string_view::npos ? std::string_view() : path.substr(0, end);
}

bool has_errors(const std::vector<Finding>& findings) {
  return exit_status(findings) >= static_cast<int>(Severity::error);
}

/// R8: the variable has the last word.
void apply_environment(Reader& reader, const Environment& env) {
  if (!env.our_address_validate) return;
  const std::string& value = *env.our_address_validate;
  if (value == "0" || value == "1") {
    reader.config.routing.recipients.validate = value == "1";
    return;
  }
  reader.error(
      "recipients.validate",
      "bad-environment",
      fmt::format("the environment variable OUR_ADDRESS_VALIDATE is \"{}\"; set it to 0 or "
                  "1, or unset it",
                  value));
}

void read_all(Reader& reader, const Node* root) {
  Section top(reader, root, "");
  read_service(reader, top);
  read_routing(reader, top);
  read_waves(reader, top);
  read_directories(reader, top);
  read_ways(reader, top);
  read_policies(reader, top);
  read_tls_policies(reader, top);
  read_plugins(reader, top);
  top.finish();
}

Parsed<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Mistake{std::error_code(errno, std::generic_category()).message()};
  std::string content(kMostOctets + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad()) return Mistake{"it cannot be read; is it a folder?"};
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kMostOctets) return Mistake{"it is too large for a config file"};
  return content;
}

/// A key file that is missing is told by check(); postern then makes a key of its own.
void read_trace_key(Config& config, std::vector<Finding>& findings) {
  if (config.trace_key_file.empty()) return;
  Parsed<std::string> key = read_file(config.trace_key_file);
  if (!key) return;
  while (key->ends_with('\n') || key->ends_with('\r'))
    key->pop_back();
  constexpr std::size_t kLeastKey = 16;
  if (key->size() < kLeastKey) {
    findings.push_back(config.finding(
        Severity::error,
        "routing.trace_key",
        "bad-value",
        fmt::format(
            "{} holds {} octets; put a key of {} at least there, or leave trace_key out and "
            "postern makes one",
            config.trace_key_file,
            key->size(),
            kLeastKey)));
    return;
  }
  config.routing.routing.trace_key = *key;
}

}  // namespace

const ListenerConfig* Config::find_listener(std::string_view name) const {
  const auto found = std::find_if(listeners.begin(),
                                  listeners.end(),
                                  [name](const ListenerConfig& l) { return l.name == name; });
  return found == listeners.end() ? nullptr : &*found;
}

Finding Config::finding(Severity severity,
                        std::string_view path,
                        std::string code,
                        std::string_view message) const {
  Position at;
  for (std::string_view p = path; !p.empty(); p = parent_of(p)) {
    const auto found = positions.find(p);
    if (found == positions.end()) continue;
    at = found->second;
    break;
  }
  return Finding{severity,
                 file,
                 at.line,
                 at.column,
                 on_one_line(key_of(path)),
                 on_one_line(message),
                 std::move(code)};
}

Environment Environment::from_process() {
  Environment env;
  if (const char* value = std::getenv("OUR_ADDRESS_VALIDATE")) env.our_address_validate = value;
  const std::string name = host_name();
  if (parse_domain(name)) env.hostname = name;
  return env;
}

LoadResult parse_config(std::string_view text, const std::string& name, const Environment& env) {
  LoadResult result;
  const Result<Node, Finding> root = parse_document(text, name);
  if (!root) {
    result.findings.push_back(root.error());
    return result;
  }
  Reader reader;
  reader.config.file = name;
  reader.config.hostname = env.hostname;
  read_all(reader, &*root);
  resolve_references(reader);
  apply_environment(reader, env);
  if (root->members.empty()) {
    reader.add(Severity::warning,
               "",
               "empty",
               "this config is empty: postern accepts nothing and relays nothing (R1); write a "
               "[[listener]] and a [[domain]]");
  }
  sort_by_place(reader.findings);
  result.findings = std::move(reader.findings);
  if (!has_errors(result.findings)) result.config = std::move(reader.config);
  return result;
}

LoadResult load_config(const std::string& path, const Environment& env) {
  const Parsed<std::string> text = read_file(path);
  if (!text) {
    LoadResult result;
    result.findings.push_back(Finding{Severity::error,
                                      path,
                                      0,
                                      0,
                                      "",
                                      "the config cannot be read: " + text.error().text,
                                      "unreadable"});
    return result;
  }
  return load_config_text(*text, path, env);
}

LoadResult load_config_text(std::string_view text,
                            const std::string& path,
                            const Environment& env) {
  LoadResult result = parse_config(text, path, env);
  if (result.config) {
    read_trace_key(*result.config, result.findings);
    read_directory_secrets(*result.config, result.findings);
    load_plugins(*result.config, result.findings);
  }
  if (has_errors(result.findings)) result.config.reset();
  return result;
}

std::vector<std::string> config_keys() {
  // The readers know the keys: each asks for all of its own once there is a table to read.
  const Result<Node, Finding> root = parse_document(
      "[[listener]]\n[[next_hop]]\nhosts = [{}]\n[[domain]]\n[[route]]\n[[wave]]\n[[directory]]\n"
      "[[sender_route]]\n[[rewrite]]\n[[journal]]\n[[list]]\n[[policy]]\n[[tls_policy]]\n"
      "[[plugin]]\n[tls]\ncertificates = [{}]\n"
      "[relay]\nallow_with_certificate = [{}]\n",
      "keys");
  Reader reader;
  if (root) read_all(reader, &*root);
  return {reader.keys.begin(), reader.keys.end()};
}

std::optional<std::string> file_of(std::string_view setting) {
  constexpr std::string_view kScheme = "file:";
  if (!setting.starts_with(kScheme) || setting.size() == kScheme.size()) return std::nullopt;
  return std::string(setting.substr(kScheme.size()));
}

std::size_t workers_for(const Config& config, std::size_t cores) {
  std::size_t out = cores;
  for (const routing::NextHop& hop : config.routing.next_hops)
    out = std::min<std::size_t>(out, hop.limits.connections_per_host);
  return std::max<std::size_t>(out, 1);
}

}  // namespace postern::gateway
