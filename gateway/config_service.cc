// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"
#include "routing/config.h"
#include "smtp/address.h"

// [[listener]] [tls] [auth] [retry] [log] [dns] [limits], and the keys at the top.

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kLeastMessage = 64ULL << 10;  // RFC 5321 4.5.3.1.7
constexpr std::uint64_t kMostMessage = 4ULL << 30;
constexpr std::chrono::seconds kDay = 24h;

void read_top(Reader& reader, Section& top) {
  Config& config = reader.config;
  top.read("hostname", config.hostname);
  if (top.has("hostname")) {
    const Parsed<std::string> name = parse_domain(config.hostname);
    if (!name) top.fail("hostname", "bad-domain", name.error().text);
  }
  config.routing.hostname = config.hostname;
  top.read("data_dir", config.data_dir);
  if (config.data_dir.empty()) {
    top.fail("data_dir", "empty-value", "this is empty; write data_dir = \"/var/lib/postern\"");
  }
}

void read_listener(Reader& reader, Section& section) {
  ListenerConfig listener;
  section.read("name", listener.name, Need::required);
  section.read("bind", listener.bind, Need::required);
  if (!listener.bind.empty()) {
    const Parsed<Bind> bind = parse_bind(listener.bind);
    if (!bind) section.fail("bind", "bad-address", bind.error().text);
  }
  section.read<routing::Role>(
      "role",
      listener.role,
      {
          {"mx",         routing::Role::mx        },
          {"submission", routing::Role::submission}
  });
  section.read("from", listener.from);
  read_delivery(section, listener.delivery);
  section.read<ListenerTls>("tls",
                            listener.tls,
                            {
                                {"none",     ListenerTls::none    },
                                {"starttls", ListenerTls::starttls},
                                {"implicit", ListenerTls::implicit}
  });
  section.read_size("max_message_size", listener.max_message_size, kLeastMessage, kMostMessage);
  section.read<std::size_t>("max_recipients", listener.max_recipients, 1, 100'000);
  section.read("binarymime", listener.binarymime);
  read_listener_auth(section, listener);
  section.read("ask_certificate", listener.ask_certificate);
  read_listener_clients(section, listener);
  reader.config.listeners.push_back(std::move(listener));
}

void read_retry(Reader& reader, Section& section) {
  RetryConfig& retry = reader.config.retry;
  section.read("first", retry.first, 1s, kDay);
  section.read("max", retry.max, 1s, kDay);
  section.read("lifetime", retry.lifetime, 1s, 30 * kDay);
  section.read("warn_after", retry.warn_after, 0s, 30 * kDay);
  section.read<unsigned>("reports_per_minute", retry.reports_per_minute, 1, 100'000);
  if (retry.max < retry.first) {
    section.fail("max",
                 "out-of-range",
                 "this is shorter than \"first\"; write a longer one, or a shorter \"first\"");
  }
}

void read_log(Reader& reader, Section& section) {
  LogConfig& log = reader.config.log;
  section.read("file", log.file);
  section.read<LogFormat>("format",
                          log.format,
                          {
                              {"text", LogFormat::text},
                              {"json", LogFormat::json}
  });
  section.read<std::string>("level",
                            log.level,
                            {
                                {"trace",    "trace"   },
                                {"debug",    "debug"   },
                                {"info",     "info"    },
                                {"warning",  "warning" },
                                {"error",    "error"   },
                                {"critical", "critical"}
  });
}

void read_dns(Reader& reader, Section& section) {
  dns::Config& dns = reader.config.dns;
  section.each("servers", [&reader, &dns](const std::string& path, const std::string& text) {
    if (dns::server_error(text).empty()) {
      dns.servers.push_back(text);
    } else {
      reader.error(path,
                   "bad-address",
                   fmt::format("\"{}\" is not a name server's address; write \"10.0.0.53\", "
                               "\"127.0.0.1:5353\" or \"[2001:db8::53]:53\"",
                               text));
    }
  });
  section.read("timeout", dns.timeout, 100ms, 60'000ms);
  auto tries = static_cast<unsigned>(dns.tries);
  section.read<unsigned>("tries", tries, 1, 10);
  dns.tries = static_cast<int>(tries);
  section.read("trust_ad", dns.trust_ad);
  section.read("reverse_lookup", dns.reverse_lookup);
  section.read("reverse_timeout", dns.reverse_timeout, 10ms, 30'000ms);
}

void read_delivery_limits(Section& section, smtp::ClientTimeouts& out) {
  section.read("connect_timeout", out.connect, 1s, 3600s);
  section.read("greeting_timeout", out.greeting, 1s, 3600s);
  section.read("ehlo_timeout", out.ehlo, 1s, 3600s);
  section.read("tls_timeout", out.tls, 1s, 3600s);
  section.read("mail_timeout", out.mail, 1s, 3600s);
  section.read("rcpt_timeout", out.rcpt, 1s, 3600s);
  section.read("data_timeout", out.data, 1s, 3600s);
  section.read("data_block_timeout", out.data_block, 1s, 3600s);
  section.read("data_done_timeout", out.data_done, 1s, 3600s);
  section.read("rset_timeout", out.rset, 1s, 3600s);
  section.read("quit_timeout", out.quit, 1s, 3600s);
}

void read_limits(Reader& reader, Section& section) {
  LimitsConfig& limits = reader.config.limits;
  section.read<std::size_t>("sessions", limits.sessions, 1, 1'000'000);
  section.read<std::size_t>("sessions_per_client", limits.sessions_per_client, 1, 1'000'000);
  section.read<std::size_t>("threads", limits.threads, 0, 1024);
  section.read_size("body_memory", limits.body_memory, 1ULL << 20, 1ULL << 40);
  section.read("body_memory_wait", limits.body_memory_wait, 1s, 3600s);
  section.read_size("disk_reserve", limits.disk_reserve, 1ULL << 20, 1ULL << 40);
  section.read<std::size_t>("command_line", limits.server.command_line_octets, 512, 65'536);
  std::uint64_t header = limits.server.header_octets;
  section.read_size("header_size", header, 16ULL << 10, 16ULL << 20);
  limits.server.header_octets = header;
  section.read<unsigned>("errors", limits.server.errors, 1, 10'000);
  section.read<unsigned>("messages_per_session", limits.server.messages, 1, 1'000'000);
  section.read("command_timeout", limits.server_timeouts.command, 1s, kDay);
  section.read("data_timeout", limits.server_timeouts.data_block, 1s, kDay);
  section.read("message_timeout", limits.server_timeouts.message, 1s, kDay);
  section.read("tls_timeout", limits.server_timeouts.tls, 1s, kDay);
  section.read("reply_timeout", limits.server_timeouts.flush, 1s, kDay);
  read_client_limits(section, limits);
  Section delivery(reader, section.table("delivery"), "limits.delivery");
  read_delivery_limits(delivery, limits.client_timeouts);
  delivery.finish();
}

}  // namespace

void read_file_setting(Section& section, std::string_view key, std::string& out) {
  std::string text;
  section.read(key, text);
  if (text.empty()) return;
  if (!file_of(text)) {
    const std::string_view path =
        text.find('/') == std::string::npos ? "/path" : std::string_view(text);
    section.fail(key,
                 "bad-value",
                 fmt::format("\"{}\" does not say what it is; write \"file:{}\"", text, path));
    return;
  }
  out = text;
}

void read_delivery(Section& section, Delivery& out) {
  section.read<Delivery>("delivery",
                         out,
                         {
                             {"auto",        Delivery::automatic  },
                             {"queue",       Delivery::queue      },
                             {"cut_through", Delivery::cut_through}
  });
}

void read_service(Reader& reader, Section& top) {
  read_top(reader, top);
  top.each_table("listener", [&reader](Section& section) { read_listener(reader, section); });
  read_section(reader, top, "tls", read_certificates);
  read_section(reader, top, "auth", read_auth);
  read_section(reader, top, "retry", read_retry);
  read_section(reader, top, "log", read_log);
  read_section(reader, top, "dns", read_dns);
  read_section(reader, top, "limits", read_limits);
  read_section(reader, top, "record", read_record);
  read_section(reader, top, "mta_sts", read_mta_sts);
  read_section(reader, top, "tls_report", read_tls_report);
  read_section(reader, top, "metrics", read_metrics);
}

}  // namespace postern::gateway
