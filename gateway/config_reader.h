// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/config_document.h"
#include "gateway/config_values.h"

#include <fmt/format.h>

#include <concepts>
#include <functional>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::gateway {

/// One reading of one file: where the values go, and what is said about them. Used by one thread.
struct Reader {
  Config config;
  std::vector<Finding> findings;
  std::set<std::string> keys;  ///< every key that was asked for, dotted

  void add(Severity severity, std::string_view path, std::string code, std::string message) {
    findings.push_back(config.finding(severity, path, std::move(code), message));
  }
  void error(std::string_view path, std::string code, std::string message) {
    add(Severity::error, path, std::move(code), std::move(message));
  }
};

enum class Need : std::uint8_t { optional, required };

/// The values that a word may stand for.
template <class E>
using Choices = std::initializer_list<std::pair<std::string_view, E>>;

/// One table of the file while it is read. Every read() takes one key: absent, the default stays;
/// wrong, a finding is made and the default stays. Keys that nobody has asked for are unknown:
/// finish() says so. The node outlives the section.
class Section {
 public:
  /// `table` may be null: the section is not there, and everything keeps its default. `path`:
  /// "relay", "listener[0]", or empty for the top.
  Section(Reader& reader, const Node* table, std::string path);

  bool has(std::string_view key) const;
  std::string path_of(std::string_view key) const;

  void read(std::string_view key, std::string& out, Need need = Need::optional);
  void read(std::string_view key, bool& out);
  void read(std::string_view key, IpSet& out);
  void read_size(std::string_view key, std::uint64_t& out, std::uint64_t min, std::uint64_t max);
  void read(std::string_view key,
            std::chrono::milliseconds& out,
            std::chrono::milliseconds min,
            std::chrono::milliseconds max);
  void read(std::string_view key,
            std::chrono::seconds& out,
            std::chrono::seconds min,
            std::chrono::seconds max);

  /// A whole number from `min` to `max`.
  template <std::unsigned_integral T>
  void read(std::string_view key, T& out, T min, T max) {
    const std::int64_t number = read_number(key,
                                            static_cast<std::int64_t>(out),
                                            static_cast<std::int64_t>(min),
                                            static_cast<std::int64_t>(max));
    out = static_cast<T>(number);
  }

  template <class E>
  void read(std::string_view key, E& out, Choices<E> choices) {
    std::string word;
    std::vector<std::string> names;
    for (const auto& [name, value] : choices)
      names.emplace_back(name);
    if (!read_word(key, word, names)) return;
    for (const auto& [name, value] : choices) {
      if (name == word) out = value;
    }
  }

  /// A list of texts, each with its path ("relay.allow_without_auth[2]").
  void each(std::string_view key,
            const std::function<void(const std::string& path, const std::string& text)>& take,
            Need need = Need::optional);
  /// The same where tables may stand for texts: those are given to `take_table`.
  void each(std::string_view key,
            const std::function<void(const std::string& path, const std::string& text)>& take_text,
            const std::function<void(Section&)>& take_table,
            Need need = Need::optional);

  /// The table `key` inside this one, null when it is not there.
  const Node* table(std::string_view key);
  /// Each table of the list `key` ("[[listener]]", or inline tables).
  void each_table(std::string_view key, const std::function<void(Section&)>& take);

  void fail(std::string_view key, std::string code, std::string message);
  /// Says which keys are unknown.
  void finish();

 private:
  const Node* take(std::string_view key);
  const Node* take(std::string_view key, Node::Kind kind, std::string_view example);
  bool read_word(std::string_view key, std::string& out, const std::vector<std::string>& names);
  std::int64_t read_number(std::string_view key,
                           std::int64_t now,
                           std::int64_t min,
                           std::int64_t max);
  const std::string* read_text(std::string_view key, std::string_view example);

  Reader& reader_;
  const Node* table_;
  std::string path_;
  std::vector<std::string> known_;
};

/// Reads the table `key` of the file, there or not.
template <class Read>
void read_section(Reader& reader, Section& top, std::string_view key, Read read) {
  Section section(reader, top.table(key), std::string(key));
  read(reader, section);
  section.finish();
}

/// "listener[0].bind" as docs/config.md has it: "listener.bind".
std::string key_of(std::string_view path);

/// The key `delivery` of a listener or a route.
void read_delivery(Section& section, Delivery& out);

// The sections, by file: config_service.cc, config_routing.cc.
void read_service(Reader& reader, Section& top);
void read_routing(Reader& reader, Section& top);
/// `next_hop.hosts` and `next_hop.probe` (config_hosts.cc).
void read_hosts(Reader& reader, Section& section, routing::NextHop& hop);
void read_probe(Section& section, routing::NextHop& hop);
/// `next_hop.tls...` and [[tls_policy]] (config_tls.cc).
void read_next_hop_tls(Reader& reader, Section& section, routing::NextHop& hop);
void read_tls_policies(Reader& reader, Section& top);
/// "sha256:HEX" as octets; colons between the digits are passed over.
Parsed<std::string> parse_pin(std::string_view text);
/// [[wave]]; after the domains (config_waves.cc).
void read_waves(Reader& reader, Section& top);
void read_auth(Reader& reader, Section& section);  // config_auth.cc
void read_listener_auth(Section& section, ListenerConfig& listener);
/// `next_hop.user` and `next_hop.password`.
void read_next_hop_login(Reader& reader, Section& section, routing::NextHop& hop);
/// Listeners that offer what nobody can use.
void resolve_auth(Reader& reader);
/// "file:/path", the one kind that there is.
void read_file_setting(Section& section, std::string_view key, std::string& out);
/// "10 in 10m".
Parsed<auth::Rate> parse_rate(std::string_view text);
void read_certificates(Reader& reader, Section& section);  // config_certificates.cc
/// `relay.allow_with_certificate`.
void read_client_certificates(Reader& reader, Section& section);
/// Listeners that need certificates, and have none.
void resolve_certificates(Reader& reader);
void read_rate(Section& section, std::string_view key, auth::Rate& out);
/// Where clients come from, how much they may do, and `[metrics]` (config_clients.cc).
void read_listener_clients(Section& section, ListenerConfig& listener);
void read_client_limits(Section& section, LimitsConfig& limits);
void read_metrics(Reader& reader, Section& section);
void read_record(Reader& reader, Section& section);  // config_record.cc
/// [mta_sts] [tls_report] (config_tls_reports.cc).
void read_mta_sts(Reader& reader, Section& section);
void read_tls_report(Reader& reader, Section& section);
/// [[directory]] (config_directories.cc).
void read_directories(Reader& reader, Section& top);
/// A setting that says whom to ask (directories/setting.h), checked for form.
void read_setting(Section& section, std::string_view key, std::string& out);
void check_setting(Section& section, std::string_view key, const std::string& text);
/// `domain.cutover`: a file's path as it is, or a setting (R5).
void read_cutover(Section& section, routing::Domain& domain);
/// Names in settings that refer to nothing, and directories that are there twice.
void resolve_directories(Reader& reader);
/// The secrets that directories and next hops name files for; a file that gives none is an error.
void read_directory_secrets(Config& config, std::vector<Finding>& findings);
void read_ways(Reader& reader, Section& top);  // config_ways.cc
/// [[policy]] (config_policy.cc).
void read_policies(Reader& reader, Section& top);
/// [[plugin]] (config_plugin.cc).
void read_plugins(Reader& reader, Section& top);
/// `routing.stages`: names that are no stage, or there twice (config_stages.cc).
std::vector<Finding> judge_stages(const Config& config);
void resolve_stages(Reader& reader);
void read_dual_delivery(Section& section, routing::Domain& domain);
/// What can be said only when all is read: references, duplicates, contradictions
/// (config_references.cc).
void resolve_references(Reader& reader);

}  // namespace postern::gateway
