// SPDX-License-Identifier: Apache-2.0
// A DNS server's message, as c-ares hands it over. Whatever it holds, an answer keeps its promises.
#include "dns/answer.h"

#include <cstdlib>

using namespace postern::dns;

namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

void check(RecordType type, std::span<const unsigned char> message) {
  constexpr int kSuccess = 0;  // ARES_SUCCESS
  const Answer answer = read_answer(type, kSuccess, message);
  const bool found = !answer.mx.empty() || !answer.addresses.empty();
  require(found == (answer.status == Status::ok));
  require(answer.status == Status::ok || answer.status == Status::no_data ||
          answer.status == Status::server_failure);
  require(answer.ttl.count() >= 0 && answer.ttl.count() <= 0x7fffffff);
  for (const postern::IpAddress& address : answer.addresses) {
    require(type == RecordType::aaaa || address.is_v4());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size > 65535) return 0;  // no DNS message is longer (RFC 1035 section 4.2.2)
  const std::span<const unsigned char> message(data, size);
  check(RecordType::mx, message);
  check(RecordType::a, message);
  check(RecordType::aaaa, message);
  require(least_ttl(message).count() >= 0);
  return 0;
}
