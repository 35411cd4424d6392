// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/sending.h"

#include "mailtools/send/option_values.h"
#include "mailtools/send/route.h"
#include "mailtools/send/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace postern::send {
namespace {

std::string unlike_any_other() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 4; ++i)
    out += fmt::format("{:08x}", random());
  return out;
}

int send_one(const Options& options,
             const std::string& message,
             const std::vector<std::string>& hosts,
             Report& report) {
  int status = kNoConnection;
  for (const std::string& host : hosts) {
    Options one = options;
    one.target.host = host;
    Transaction transaction(one, message, report);
    status = transaction.run();
    if (status != kNoConnection) break;
  }
  return status;
}

void list_tls(const TlsOptions& tls, std::ostream& out) {
  constexpr std::string_view kWants[] = {"no", "must", "optional", "optional-strict"};
  out << "TLS:\n  starttls        = " << kWants[static_cast<std::size_t>(tls.starttls)]
      << "\n  tls-on-connect  = " << (tls.on_connect ? "yes" : "no")
      << "\n  tls-verify      = " << (tls.terms.verify ? "yes" : "no")
      << "\n  tls-verify-name = " << fmt::format("{}", fmt::join(tls.terms.names, ","))
      << "\n  tls-ca-path     = " << tls.terms.ca
      << "\n  tls-sni         = " << tls.terms.server_name
      << "\n  tls-cert        = " << tls.terms.cert << "\n  tls-cipher      = " << tls.terms.ciphers
      << "\n";
}

void list_auth(const AuthOptions& auth, std::ostream& out) {
  out << "AUTH:\n  auth            = "
      << (auth.want == Want::no ? "no"
          : auth.login.mechanisms.empty()
              ? "ANY"
              : fmt::format("{}", fmt::join(auth.login.mechanisms, ",")))
      << "\n  auth-user       = " << auth.login.credentials.name
      << "\n  auth-password   = " << (auth.want == Want::no ? "" : talk::kHidden) << "\n";
}

}  // namespace

std::string letter_of(const Options& options, unsigned long number) {
  MessageFacts facts;
  facts.from = options.from.empty() ? "MAILER-DAEMON@" + options.hello_name : options.from;
  facts.to = options.named_to.empty() ? options.to : options.named_to;
  facts.cc = options.named_cc;
  facts.host = options.hello_name;
  facts.id = fmt::format("{}.{}", unlike_any_other(), number);
  facts.now = std::chrono::system_clock::now();
  return compose(options.message, facts);
}

int send_letters(const Options& options, Report& report) {
  std::vector<std::string> hosts{options.target.host};
  if (options.target.host.empty()) {
    auto found = mail_hosts(options.route_domain);
    if (found.has_error()) {
      report.begin(1);
      report.complain(found.error());
      report.end(kNoConnection);
      return kNoConnection;
    }
    hosts = std::move(*found);
  }
  int status = kDone;
  unsigned long failed = 0;
  for (unsigned long number = 1; number <= options.repeat; ++number) {
    report.begin(number);
    const int one = send_one(options, letter_of(options, number), hosts, report);
    report.end(one);
    if (one == kDone) continue;
    ++failed;
    if (status == kDone) status = one;
  }
  if (options.repeat > 1 && !options.output.json)
    report.note(fmt::format("{} letters, {} of them failed", options.repeat, failed));
  return status;
}

void dump(const Options& options, const std::string& sections, std::ostream& out) {
  const std::vector<std::string> list = comma_list(sections);
  const auto wanted = [&list](std::string_view name) {
    return std::any_of(list.begin(), list.end(), [name](const std::string& one) {
      return one == name || one == "ALL";
    });
  };
  if (wanted("TRANSPORT")) {
    const talk::Target& target = options.target;
    out << "TRANSPORT:\n  server          = "
        << (target.host.empty() ? "the MX of " + options.route_domain : target.host)
        << "\n  port            = " << target.port << "\n  local-interface = " << target.local
        << "\n  timeout         = " << std::chrono::duration<double>(target.timeout).count()
        << "s\n";
  }
  if (wanted("PROTOCOL")) {
    out << "PROTOCOL:\n  protocol        = " << options.hello_verb
        << "\n  helo            = " << options.hello_name
        << "\n  from            = " << options.from
        << "\n  to              = " << fmt::format("{}", fmt::join(options.to, ",")) << "\n";
  }
  if (wanted("XCLIENT")) {
    out << "XCLIENT:\n";
    for (const std::string& command : options.xclient.commands)
      out << "  xclient         = " << command << "\n";
  }
  if (wanted("PROXY"))
    out << "PROXY:\n  header          = " << options.target.preamble_shown << "\n";
  if (wanted("TLS")) list_tls(options.tls, out);
  if (wanted("AUTH")) list_auth(options.auth, out);
  if (wanted("DATA")) out << "DATA:\n" << letter_of(options, 1) << ".\n";
}

}  // namespace postern::send
