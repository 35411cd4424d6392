// SPDX-License-Identifier: Apache-2.0
#include "dns/resolver.h"

namespace postern::dns {

std::string_view status_text(Status s) {
  switch (s) {
    case Status::ok:
      return "records";
    case Status::no_data:
      return "no records";
    case Status::nx_domain:
      return "NXDOMAIN";
    case Status::bad_name:
      return "not a domain name";
    case Status::server_failure:
      return "SERVFAIL";
    case Status::timed_out:
      return "no answer";
  }
  return "unknown";
}

net::Awaitable<TlsaAnswer> Resolver::tlsa(std::string, std::uint16_t) {
  TlsaAnswer none;
  none.status = Status::no_data;
  co_return none;
}

net::Awaitable<TextAnswer> Resolver::txt(std::string) {
  TextAnswer none;
  none.status = Status::no_data;
  co_return none;
}

net::Awaitable<NameAnswer> Resolver::names(IpAddress) {
  NameAnswer none;
  none.status = Status::no_data;
  co_return none;
}

}  // namespace postern::dns
