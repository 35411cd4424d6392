// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/option_reader.h"

#include "base/ip.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace postern::send {

void Reader::fail(std::string_view text) {
  if (mistake_.empty()) mistake_ = fmt::format("--{}: {}", name_, text);
}

/// swaks' older versions take a file's name for its content; a letter that holds the name instead
/// is nobody's wish.
void Reader::refuse_file(const std::string& value) {
  std::error_code ec;
  if (value.size() < 256 && std::filesystem::is_regular_file(value, ec))
    fail(fmt::format("\"{0}\" is a file; write @{0}", value));
}

unsigned long Reader::number_of(const std::string& text) {
  const auto number = read_number(text);
  if (!number || *number == 0) fail(fmt::format("\"{}\" is no number; write 1 or more", text));
  return number.value_or(1);
}

std::string Reader::standard_input() {
  if (!stdin_) stdin_ = std::string(std::istreambuf_iterator<char>(in), {});
  return *stdin_;
}

std::string Reader::text_of(const std::string& value, bool line_ends) {
  if (value == "-") return standard_input();
  if (value.starts_with("@@")) return value.substr(1);
  if (!value.starts_with('@')) return line_ends ? with_line_ends(value) : value;
  std::error_code ec;
  std::ifstream file(value.substr(1), std::ios::binary);
  if (!file || std::filesystem::is_directory(value.substr(1), ec)) {
    fail(fmt::format("{} cannot be read; write @@ for a text that begins with @", value.substr(1)));
    return {};
  }
  std::ostringstream all;
  all << file.rdbuf();
  return std::move(all).str();
}

std::uint16_t Reader::port_of(const std::string& text) {
  const auto number = read_port(text);
  if (!number) fail(fmt::format("\"{}\" is no port; write 1 to 65535, or a service's name", text));
  return number.value_or(0);
}

void Reader::add_recipients(std::vector<std::string>* named, const std::string& list) {
  for (const std::string& one : comma_list(list)) {
    if (named != nullptr) named->push_back(one);
    out.to.push_back(one);
  }
}

StopAt Reader::stop_of(const std::string& text, StopAt last) {
  const auto stop = read_stop(text);
  if (stop && *stop <= last) return *stop;
  fail(stop
           ? fmt::format("QUIT cannot stand there; write --drop-after {}", text)
           : fmt::format("there is no \"{}\"; write CONNECT, FIRST-HELO, XCLIENT, TLS, HELO, AUTH, "
                         "MAIL or RCPT",
                         text));
  return StopAt::never;
}

void Reader::want_auth(Want want, const std::string& types) {
  out.auth.want = want;
  out.auth.login.mechanisms.clear();
  if (in_capitals(types) == "ANY") return;
  for (const std::string& type : comma_list(in_capitals(types))) {
    if (!talk::is_mechanism(type)) {
      fail(fmt::format("there is no {}; write PLAIN, LOGIN, SCRAM-SHA-256 or SCRAM-SHA-256-PLUS",
                       type));
    }
    out.auth.login.mechanisms.push_back(type);
  }
}

void Reader::add_attachment(const std::string& value, bool is_body) {
  refuse_file(value);
  MimePart part;
  part.octets = text_of(value);
  part.type =
      attach_type.empty() ? (is_body ? "text/plain" : "application/octet-stream") : attach_type;
  const bool of_file = value.starts_with('@') && !value.starts_with("@@");
  if (of_file) part.name = std::filesystem::path(value.substr(1)).filename().string();
  if (attach_name) part.name = *attach_name;
  attach_name.reset();
  if (is_body) {
    part.name.clear();
    attach_type.clear();
  }
  (is_body ? out.message.bodies : out.message.attachments).push_back(std::move(part));
}

void Reader::xclient_attribute(std::string_view attribute, const std::string& value) {
  xclient_group_ +=
      fmt::format("{}{}={}", xclient_group_.empty() ? "" : " ", attribute, xtext(value));
  out.xclient.attributes.emplace_back(attribute);
}

void Reader::end_xclient_group() {
  if (!xclient_group_.empty()) out.xclient.commands.push_back(std::exchange(xclient_group_, {}));
}

bool Reader::take_xclient(const Given& one) {
  XclientOptions& xclient = out.xclient;
  if (one.name == "xclient") {
    end_xclient_group();
    xclient.commands.push_back(one.value);
  } else if (one.name == "xclient-delim") {
    end_xclient_group();
  } else if (one.name == "xclient-no-verify") {
    xclient.verify = false;
  } else if (one.name == "xclient-before-starttls") {
    xclient.before_tls = true;
  } else if (one.name == "xclient-optional") {
    xclient.want = Want::may;
  } else if (one.name == "xclient-optional-strict") {
    xclient.want = Want::if_offered;
  } else if (one.name.starts_with("xclient-")) {
    std::string attribute = in_capitals(one.name.substr(8));
    std::replace(attribute.begin(), attribute.end(), '-', '_');
    xclient_attribute(attribute, one.value);
  } else {
    return false;
  }
  return true;
}

bool Reader::take_proxy(const Given& one) {
  static const std::map<std::string_view, std::optional<std::string> ProxyOptions::*> kFields = {
      {"proxy",             &ProxyOptions::raw        },
      {"proxy-version",     &ProxyOptions::version    },
      {"proxy-family",      &ProxyOptions::family     },
      {"proxy-protocol",    &ProxyOptions::protocol   },
      {"proxy-command",     &ProxyOptions::command    },
      {"proxy-source",      &ProxyOptions::source     },
      {"proxy-source-port", &ProxyOptions::source_port},
      {"proxy-dest",        &ProxyOptions::dest       },
      {"proxy-dest-port",   &ProxyOptions::dest_port  }
  };
  const auto found = kFields.find(one.name);
  if (found == kFields.end()) return false;
  proxy_.*(found->second) = one.value;
  return true;
}

Reader::Read Reader::find(std::string_view name) {
  for (const Table* const table : {&target_table(),
                                   &dialogue_table(),
                                   &tls_table(),
                                   &auth_table(),
                                   &message_table(),
                                   &output_table()}) {
    const auto found = table->find(name);
    if (found != table->end()) return found->second;
  }
  return nullptr;
}

bool Reader::knows(std::string_view name) {
  return find(name) != nullptr || name.starts_with("proxy") || name.starts_with("xclient");
}

Result<Options, Mistake> Reader::read(const std::vector<Given>& given) {
  for (const Given& one : given) {
    name_ = one.name;
    if (take_proxy(one) || take_xclient(one)) continue;
    const Read read_value = find(one.name);
    if (read_value != nullptr) read_value(*this, one.value);
    if (!mistake_.empty()) return Mistake{mistake_};
  }
  finish();
  if (!mistake_.empty()) return Mistake{mistake_, status_};
  return std::move(out);
}

void Reader::finish_protocol() {
  if (protocol != nullptr) {
    out.hello_verb = protocol->verb;
    out.tls.on_connect = out.tls.on_connect || protocol->tls_on_connect;
    if (protocol->starttls && out.tls.starttls == Want::no) out.tls.starttls = Want::must;
    if (protocol->auth && out.auth.want == Want::no) out.auth.want = Want::must;
  }
  const bool lmtp = out.hello_verb == "LHLO";
  out.target.port = lmtp ? 24 : out.tls.on_connect ? 465 : 25;
  name_ = "port";
  if (port) out.target.port = port_of(*port);
  if (!server_port.empty()) out.target.port = port_of(server_port);
}

/// Addresses that the one family asked for does not have.
void Reader::check_family() {
  const talk::Family family = out.target.family;
  if (family == talk::Family::any) return;
  const int wanted = family == talk::Family::ipv6 ? 6 : 4;
  for (const auto& [option, host] :
       {std::pair("server", out.target.host), std::pair("local-interface", out.target.local)}) {
    const auto address = parse_ip(host);
    if (!address || address->is_v6() == (wanted == 6)) continue;
    name_ = option;
    fail(fmt::format("{} is no IPv{} address; leave -{} out", host, wanted, wanted));
  }
}

void Reader::finish_target() {
  check_family();
  const auto goes_beyond_mail = [](StopAt at) { return at == StopAt::never || at >= StopAt::rcpt; };
  const bool needs_recipient = goes_beyond_mail(out.quit_after) &&
                               goes_beyond_mail(out.drop_after) &&
                               goes_beyond_mail(out.drop_after_send);
  name_ = "to";
  if (out.to.empty() && needs_recipient) fail("who gets the letter? Write --to ADDRESS");
  name_ = "server";
  if (!out.target.host.empty()) {
    out.route_domain.clear();
  } else if (out.route_domain.empty() && out.to.empty()) {
    fail("write --server HOST");
  } else if (out.route_domain.empty()) {
    out.route_domain = out.to.back().substr(out.to.back().rfind('@') + 1);
  }
}

void Reader::finish_proxy() {
  if (proxy_.empty()) return;
  const auto header = make_proxy_header(proxy_);
  if (header) {
    out.target.preamble = header->octets;
    out.target.preamble_shown = header->shown;
    return;
  }
  if (mistake_.empty()) status_ = 35;  // swaks: "error in PROXY option processing"
  if (mistake_.empty()) mistake_ = header.error().text;
}

void Reader::finish_auth() {
  name_ = "auth";
  AuthOptions& auth = out.auth;
  const bool named = !auth.login.credentials.name.empty();
  if (auth.want == Want::no && (named || password_given || auth.ask_password))
    auth.want = Want::must;
  if (auth.want == Want::no) return;
  if (!named) fail("who logs in? Write --auth-user NAME");
  if (!password_given) auth.ask_password = true;
  if (out.hello_verb == "HELO") fail("AUTH is not of SMTP; write --protocol ESMTP");
}

/// A rule that would be kept all the same is worse than none: the verdict would be wrong.
void Reader::finish_violations() {
  name_ = "violate";
  for (const Violation one : out.violations) {
    const bool of_end =
        smuggles({one}) || one == Violation::no_end || one == Violation::no_dot_stuffing;
    const bool of_data =
        of_end || one == Violation::data_early || one == Violation::data_after_bdat;
    if (out.chunking && of_data)
      fail(fmt::format("{} is about DATA; leave --chunking out", name_of(one)));
    if (!out.message.fixup && of_end)
      fail(fmt::format("{} needs an end of our own; leave --no-data-fixup out", name_of(one)));
    if (one != Violation::starttls_injection) continue;
    if (out.tls.on_connect) fail("starttls-injection is about STARTTLS; write --tls");
    if (out.tls.starttls == Want::no)
      fail("starttls-injection comes with STARTTLS; write --tls too");
  }
}

void Reader::finish() {
  end_xclient_group();
  if (!out.xclient.commands.empty() && out.xclient.want == Want::no) out.xclient.want = Want::must;
  finish_protocol();
  finish_target();
  finish_proxy();
  finish_auth();
  name_ = "tls-cert";
  if (out.tls.terms.cert.empty() != out.tls.terms.key.empty())
    fail("write both --tls-cert and --tls-key");
  name_ = "chunking";
  if (out.chunking && out.hello_verb == "HELO") fail("BDAT is not of SMTP; write --protocol ESMTP");
  finish_violations();
  name_ = "attach";
  const MessageOptions& message = out.message;
  const bool attached = !message.attachments.empty() || !message.bodies.empty();
  if (attached && message.data &&
      (!message.fixup || message.data->find("%BODY%") == message.data->npos))
    fail("--data has no room for it; write %BODY% there, or leave --data out");
  name_ = "no-data-fixup";
  if (!message.fixup && !message.data) fail("is about --data; write --data too");
  if (out.hello_name.empty()) out.hello_name = own_host_name();
  if (!from_given) out.from = fmt::format("{}@{}", own_user_name(), own_host_name());
  out.message.utf8_fields = out.smtputf8;
}

Result<Options, Mistake> read_options(const std::vector<Given>& given, std::istream& in) {
  return Reader(in).read(given);
}

}  // namespace postern::send
