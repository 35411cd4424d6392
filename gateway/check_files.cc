// SPDX-License-Identifier: Apache-2.0
#include "directories/setting.h"
#include "gateway/check_parts.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <system_error>

namespace postern::gateway {
namespace {

void check_file(const std::string& file,
                std::string_view path,
                std::string_view consequence,
                Findings& out) {
  if (file.empty()) return;
  // Opened, not stat'ed: whether it may be read is what counts. A folder opens, and gives nothing.
  std::ifstream stream(file);
  const int why = stream ? 0 : errno;
  const bool readable = stream && (stream.peek(), !stream.bad());
  if (readable) return;
  const std::string reason = why != 0 ? std::error_code(why, std::generic_category()).message()
                                      : std::string("it is not a file");
  out.warning(
      path, "missing-file", fmt::format("{} cannot be read ({}); {}", file, reason, consequence));
}

}  // namespace

void check_files(const Config& config, Findings& out) {
  for (std::size_t i = 0; i < config.routing.domains.size(); ++i) {
    check_file(
        config.routing.domains[i].cutover_file,
        fmt::format("domain[{}].cutover", i),
        "create it, empty if nobody has left yet, or mail for this domain gets 451 4.4.3 (R5)",
        out);
  }
  for_each_setting(config, [&out](const std::string& path, const std::string& text) {
    const auto setting = directories::parse_setting(text);
    if (!setting) return;
    directories::for_each_leaf(*setting, [&](const directories::Setting& leaf) {
      if (leaf.kind != directories::Setting::Kind::file) return;
      check_file(
          leaf.name, path, "create it, or stages that ask it answer 451 4.4.3 (R5, R8, R9)", out);
    });
  });
  for (std::size_t i = 0; i < config.directories.size(); ++i) {
    check_file(config.directories[i].ldap.ca,
               fmt::format("directory[{}].ca", i),
               "create it, or no server can be asked and the answer is 451 4.4.3",
               out);
  }
  for (std::size_t i = 0; i < config.tls.certificates.size(); ++i) {
    const tls::KeyPair& pair = config.tls.certificates[i];
    const std::string path = fmt::format("tls.certificates[{}]", i);
    const std::string_view consequence = "create it, or postern cannot start its TLS listeners";
    check_file(pair.cert, path + ".cert", consequence, out);
    check_file(pair.key, path + ".key", consequence, out);
  }
  for (std::size_t i = 0; i < config.tls.clients.size(); ++i) {
    check_file(config.tls.clients[i].ca,
               fmt::format("relay.allow_with_certificate[{}].ca", i),
               "create it, or postern cannot start its TLS listeners",
               out);
  }
  if (const auto accounts = file_of(config.auth.accounts)) {
    check_file(*accounts, "auth.accounts", "create it, or nobody can log in", out);
  }
  if (const auto senders = file_of(config.auth.senders)) {
    check_file(*senders, "auth.senders", "create it, or who has logged in gets 451 4.3.0", out);
  }
  check_file(config.trace_key_file,
             "routing.trace_key",
             "create it, or postern makes a key of its own in data_dir (R13)",
             out);
}

}  // namespace postern::gateway
