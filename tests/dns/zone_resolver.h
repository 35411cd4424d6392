// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/resolver.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern::test {

/// A resolver that answers from zone text, for tests. One record a line; ';' begins a comment:
///
///     example.com.       MX     10 mail.example.com.
///     mail.example.com.  A      192.0.2.1
///     mail.example.com.  AAAA   2001:db8::1
///     www.example.com.   CNAME  mail.example.com.
///     none.example.      MX     0 .
///     slow.example.      TIMEOUT            ; every type
///     half.example.      AAAA   SERVFAIL    ; one type
///     _25._tcp.mail.example.com.  TLSA  3 1 1 0badf00d
///     1.2.0.192.in-addr.arpa.     PTR   mail.example.com.
///     text.example.      TXT    anything up to the end of the line
///     SECURE                                ; alone: DNSSEC proves every answer
///     plain.example.     INSECURE           ; except those about this name
///
/// A name exists when a record stands at it or below it; other names are NXDOMAIN. Answers come at
/// once.
class ZoneResolver : public dns::Resolver {
 public:
  /// Throws std::invalid_argument that quotes the line that is no record.
  explicit ZoneResolver(std::string_view zone);

  net::Awaitable<dns::MxAnswer> mx(std::string domain) override;
  net::Awaitable<dns::AddressAnswer> addresses(std::string host) override;
  net::Awaitable<dns::TlsaAnswer> tlsa(std::string host, std::uint16_t port) override;
  net::Awaitable<dns::TextAnswer> txt(std::string name) override;
  net::Awaitable<dns::NameAnswer> names(IpAddress address) override;

  /// What was asked, in order: "MX example.com", "ADDRESSES mail.example.com".
  const std::vector<std::string>& asked() const { return asked_; }

 private:
  /// The records of one name and type, or how asking for them fails.
  struct RecordSet {
    dns::Status status = dns::Status::ok;
    std::vector<std::string> data;
  };

  void add(std::string_view line);
  void add_record(const std::string& name, const std::string& type, const std::string& data);
  const RecordSet* find(const std::string& name, const std::string& type) const;
  bool exists(const std::string& name) const;
  std::string canonical(std::string name) const;
  dns::Status status(const std::string& name, const std::string& type) const;
  /// The way over the aliases of `name` is proved, up to `last`.
  bool is_secure(const std::string& name) const;
  bool is_secure_way(std::string name, const std::string& last) const;
  /// The data of the records, or nothing and why.
  std::vector<std::string> data(const std::string& name,
                                const std::string& type,
                                dns::Status& status) const;

  std::map<std::string, std::map<std::string, RecordSet>> names_;
  std::vector<std::string> asked_;
  bool secure_ = false;
};

}  // namespace postern::test
