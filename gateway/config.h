// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/config.h"
#include "dns/config.h"
#include "gateway/config_auth.h"
#include "gateway/config_clients.h"
#include "gateway/config_record.h"
#include "gateway/config_tls_reports.h"
#include "gateway/finding.h"
#include "gateway/letter_log.h"
#include "gateway/plugin_config.h"
#include "routing/config.h"
#include "smtp/limits.h"
#include "tls/certificate.h"
#include "tls/client_certificates.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::gateway {

using routing::Delivery;
enum class ListenerTls : std::uint8_t { none, starttls, implicit };

/// `[[listener]]`: where mail comes in.
struct ListenerConfig {
  std::string name;
  std::string bind;  ///< "ADDRESS:PORT" or "[IPv6]:PORT", checked
  routing::Role role = routing::Role::mx;
  std::string from;  ///< R7a: a next hop's name; empty: none
  Delivery delivery = Delivery::automatic;
  ListenerTls tls = ListenerTls::none;
  std::uint64_t max_message_size = 50ULL << 20;  ///< octets
  std::size_t max_recipients = 1000;             ///< a message; beyond: 452 4.5.3
  bool binarymime = false;                       ///< BINARYMIME is announced
  std::optional<bool> auth;  ///< AUTH; not given: where users come, and there are accounts
  bool auth_without_tls = false;
  bool ask_certificate = false;  ///< clients are asked for a certificate (TlsConfig::clients)
  IpSet proxy_protocol;          ///< balancers, whose connections begin with a PROXY header
  IpSet xclient;                 ///< hosts that may say XCLIENT
  IpSet xforward;                ///< hosts that may say XFORWARD
};

/// `[tls]`.
struct TlsConfig {
  std::vector<tls::KeyPair> certificates;       ///< the first is the default
  std::vector<tls::ClientCertificate> clients;  ///< `relay.allow_with_certificate`
};

/// `[retry]`: per next hop, with jitter.
struct RetryConfig {
  std::chrono::seconds first{60};
  std::chrono::seconds max{1800};
  std::chrono::seconds lifetime{5 * 86400};
  std::chrono::seconds warn_after{4 * 3600};
  unsigned reports_per_minute = 30;  ///< to one sender
};

/// `[log]`.
struct LogConfig {
  std::string file;  ///< empty: standard error
  LogFormat format = LogFormat::text;
  std::string level = "info";  ///< a level's name as spdlog has it
};

/// `[limits]` and `[limits.delivery]`.
struct LimitsConfig {
  std::size_t sessions = 10000;           ///< in all; beyond: 421
  std::size_t sessions_per_client = 100;  ///< a client's address or prefix; beyond: 421
  ClientLimits clients;
  std::size_t threads = 0;  ///< workers; 0: one a core
  /// Octets that stay free on data_dir's disk: below, senders get 452 4.3.1.
  std::uint64_t disk_reserve = 256ULL << 20;
  std::uint64_t body_memory = 256ULL << 20;   ///< octets of stored letters that are in memory
  std::chrono::seconds body_memory_wait{60};  ///< for room in it; then 452 4.3.1
  smtp::ServerLimits server;  ///< a listener has its own message_octets and recipients
  smtp::ServerTimeouts server_timeouts;
  smtp::ClientTimeouts client_timeouts;
};

/// Where a value stands in the file; both from 1, 0: not there.
struct Position {
  unsigned line = 0;
  unsigned column = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

/// The config file as plain structs: read, checked for form, references resolved. Owned by the
/// snapshot that is made from it, immutable from then on.
struct Config {
  routing::Config routing;
  std::string hostname;  ///< greeting, EHLO, Received; also in `routing`
  std::string data_dir = "/var/lib/postern";
  std::vector<ListenerConfig> listeners;
  TlsConfig tls;
  AuthConfig auth;
  RetryConfig retry;
  LogConfig log;
  dns::Config dns;
  LimitsConfig limits;
  MetricsConfig metrics;
  RecordConfig record;
  MtaStsConfig mta_sts;
  TlsReportConfig tls_report;
  std::vector<PluginConfig> plugins;             ///< `[[plugin]]`; loaded by load_config alone
  std::vector<directories::Config> directories;  ///< `[[directory]]`, in the file's order

  /// Next hops without `sources` of their own of which some host is a name: what these names
  /// resolve to counts as their source too (R7), which needs a resolver.
  std::vector<std::string> unresolved_sources;
  std::string trace_key_file;  ///< of `routing.trace_key = "file:/path"`; empty: not a file

  std::string file;  ///< as it was named, for findings
  /// Where each value that was given stands: "hostname", "listener[0].bind".
  std::map<std::string, Position, std::less<>> positions;

  /// Null: no listener of that name.
  const ListenerConfig* find_listener(std::string_view name) const;
  /// Null: no directory of that name.
  const directories::Config* find_directory(std::string_view name) const;
  /// A finding about the value at `path` ("listener[0].bind", shown as "listener.bind").
  Finding finding(Severity severity,
                  std::string_view path,
                  std::string code,
                  std::string_view message) const;
};

/// Can clients of this listener log in?
bool offers_auth(const Config& config, const ListenerConfig& listener);

/// What reading takes from outside the file.
struct Environment {
  std::optional<std::string> our_address_validate;  ///< OUR_ADDRESS_VALIDATE; overrides R8's key
  std::string hostname = "localhost";               ///< the default of `hostname`

  static Environment from_process();
};

/// The config, or nullopt when there is an error among the findings. All problems of the file are
/// there, ordered by place.
struct LoadResult {
  std::optional<Config> config;
  std::vector<Finding> findings;
};

/// Reads a file, and the trace key and secrets that it names; loads its plug-ins.
LoadResult load_config(const std::string& path, const Environment& env);
/// The same where the file's text is at hand, or is what it will be.
LoadResult load_config_text(std::string_view text, const std::string& path, const Environment& env);
/// Reads `text`; `name` stands for the file in findings. Touches no file and no network.
LoadResult parse_config(std::string_view text, const std::string& name, const Environment& env);

/// Every key that a config may have, dotted ("listener.bind"), sorted.
std::vector<std::string> config_keys();

/// The path of "file:/path", or nullopt.
std::optional<std::string> file_of(std::string_view setting);

/// Worker threads for `threads = 0`: one a core, but no more than any next hop grants connections
/// to a host, since each worker has one of its own (Exchange refuses the 21st of a source).
std::size_t workers_for(const Config& config, std::size_t cores);

}  // namespace postern::gateway
