// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/test_ca.h"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <thread>

namespace postern::test {

/// An OpenLDAP server of its own: a temporary folder, free ports of 127.0.0.1 that stay the same
/// over restarts, the suffix dc=company,dc=ru, and a schema with Active Directory's proxyAddresses.
/// Anonymous clients may read unless told otherwise; kAdmin with kPassword may always. It ends with
/// the object. start() and stop() from one thread, which outlives the server; everything throws
/// std::runtime_error with slapd's own words.
class Slapd {
 public:
  static constexpr const char* kBase = "dc=company,dc=ru";
  static constexpr const char* kAdmin = "cn=admin,dc=company,dc=ru";
  static constexpr const char* kPassword = "sesame";

  struct Options {
    std::optional<TestCa::Files> tls;  ///< with it: ldaps and StartTLS
    std::string extra;                 ///< lines for the end of slapd.conf, such as "sizelimit 5"
    std::string database;              ///< lines for its database, such as "access to * by ..."
  };

  Slapd() : Slapd(Options()) {}
  explicit Slapd(Options options);
  ~Slapd();
  Slapd(Slapd&&) = delete;

  /// Adds entries, while it does not run: LDIF below kBase, which is there.
  void add(const std::string& ldif);
  /// One person with mail, and if given proxyAddresses: "cn=NAME,ou=people,dc=company,dc=ru".
  static std::string person(const std::string& name,
                            const std::string& mail,
                            const std::string& proxies = {});

  /// Changes entries, while it runs: LDIF with changetype.
  void modify(const std::string& ldif);

  /// Returns when it accepts connections.
  void start();
  /// SIGTERM, or SIGKILL for a crash; returns when it has ended.
  void stop();
  void kill();

  std::string url() const;      ///< ldap://127.0.0.1:PORT
  std::string tls_url() const;  ///< ldaps://127.0.0.1:PORT

 private:
  void write_config();
  bool launch();
  void end(int signal);
  std::string run(const std::string& command) const;

  Options options_;
  std::string folder_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  pid_t pid_ = -1;
  std::thread reader_;  ///< of slapd's output, until it ends
  std::string said_;
};

}  // namespace postern::test
