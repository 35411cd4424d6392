// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/ldap_settings.h"
#include "routing/directory.h"
#include "smtp/address.h"
#include "support/slapd.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace postern::directories::testing {

/// Asks for `mail` or `proxyAddresses`, anonymously, with a patience that no test runs into.
LdapSettings settings_for(std::vector<std::string> servers);

/// A mailbox as the source gets it: "local@company.ru", the local part as it is, quotes included.
smtp::Mailbox mailbox(std::string_view local, std::string_view domain = "company.ru");

std::string_view word_of(routing::Presence presence);

/// The people whom most tests ask for: ivanov (mail; proxyAddresses as Exchange has them), vetrov
/// (mail alone), and a name with the characters that filters are made of.
std::string people();

/// A temporary folder, gone with the object.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(Folder&&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A listener of 127.0.0.1 that answers the n-th message of every client with the n-th of
/// `answers`, then is silent, or closes where the answers say so. It takes any octets for a
/// message, which one read brings.
class ScriptedServer {
 public:
  /// An answer that ends in this closes the connection behind it.
  static constexpr std::string_view kClose = "close";

  explicit ScriptedServer(std::vector<std::string> answers);
  ~ScriptedServer();
  ScriptedServer(ScriptedServer&&) = delete;
  std::string url(std::string_view scheme = "ldap") const;
  int clients() const { return clients_; }

 private:
  void serve(int client) const;

  const std::vector<std::string> answers_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> clients_{0};
  std::vector<int> open_;  ///< the thread's own, until it has ended
  std::vector<std::thread> sessions_;
  std::thread thread_;
};

/// Messages of RFC 4511 in BER: the answer to a bind (message 1), the end of a search (message 2
/// where it is the first).
std::string bind_answer(int code);
std::string search_answer(int code, int id = 2);
/// An entry of that search with values of one attribute; everything below 128 octets.
std::string search_entry(std::string_view dn,
                         std::string_view attribute,
                         const std::vector<std::string>& values,
                         int id = 2);
/// With one value of `mail`.
std::string search_entry(std::string_view dn, std::string_view mail);

}  // namespace postern::directories::testing
