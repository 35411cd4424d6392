// SPDX-License-Identifier: Apache-2.0
#include "auth/account_table.h"
#include "auth/mechanism.h"
#include "gateway/check_parts.h"
#include "gateway/sender_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sys/stat.h>

namespace postern::gateway {
namespace {

void check_listener(const ListenerConfig& listener, const std::string& path, Findings& out) {
  if (listener.tls != ListenerTls::none && !listener.auth_without_tls) return;
  if (listener.auth_without_tls) {
    out.warning(path + ".auth_without_tls",
                "clear-passwords",
                fmt::format("the listener \"{}\" takes passwords without TLS: they cross the "
                            "network in clear; leave it out, and write tls = \"implicit\" or "
                            "\"starttls\"",
                            listener.name));
    return;
  }
  out.warning(path + ".tls",
              "no-login",
              fmt::format("the listener \"{}\" has no TLS, without which nobody can log in; write "
                          "tls = \"implicit\" or \"starttls\", or auth = false",
                          listener.name));
}

/// Nobody but postern reads hashes: who has them can try passwords without being counted.
void check_mode(const std::string& file, Findings& out) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return;
  if ((facts.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) == 0) return;
  out.warning("auth.accounts",
              "accounts-open",
              fmt::format("{} can be read by everybody on this machine, or written by others; "
                          "chmod 0640 it, or 0600",
                          file));
}

void check_accounts(const Config& config, const std::string& file, Findings& out) {
  std::ifstream stream(file);
  if (!stream) return;
  auth::AccountTable table;
  for (std::string line; std::getline(stream, line);)
    table.add_line(line);
  for (const auth::AccountTable::Problem& problem : table.problems()) {
    out.warning(
        "auth.accounts", "bad-account", fmt::format("{}:{}: {}", file, problem.line, problem.what));
  }
  const std::vector<std::string>& named = config.auth.mechanisms;
  const bool wants_scram = std::any_of(named.begin(), named.end(), auth::is_scram);
  if (wants_scram && table.size() > 0 && !table.all_have_verifiers()) {
    out.warning("auth.mechanisms",
                "scram-without-verifier",
                fmt::format("{} has accounts that cannot log in by SCRAM, which clients prefer; "
                            "add their lines by postern passwd --scram, or leave the key out",
                            file));
  }
}

void check_senders(const Config& config, const std::string& file, Findings& out) {
  std::ifstream stream(file);
  if (!stream) return;
  const routing::RecipientsConfig& recipients = config.routing.recipients;
  SenderMap map(routing::MailboxRules{nullptr, recipients.case_sensitive, recipients.delimiter});
  for (std::string line; std::getline(stream, line);)
    map.add_line(line);
  if (map.ignored() == 0) return;
  out.warning("auth.senders",
              "ignored-lines",
              fmt::format("{}: {} lines say nothing that can be used ({}); mend them",
                          file,
                          map.ignored(),
                          map.first_ignored()));
}

}  // namespace

void check_auth(const Config& config, Findings& out) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    if (!offers_auth(config, config.listeners[i])) continue;
    check_listener(config.listeners[i], fmt::format("listener[{}]", i), out);
  }
  if (const auto file = file_of(config.auth.accounts)) {
    check_mode(*file, out);
    check_accounts(config, *file, out);
  }
  if (const auto file = file_of(config.auth.senders)) check_senders(config, *file, out);
}

}  // namespace postern::gateway
