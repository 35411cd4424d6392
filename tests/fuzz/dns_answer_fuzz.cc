// SPDX-License-Identifier: Apache-2.0
// A DNS server's message, as c-ares hands it over, read as the answer to each type of question.
// Whatever it holds, an answer keeps its promises.
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
  const bool found = !answer.mx.empty() || !answer.addresses.empty() || !answer.tlsa.empty() ||
                     !answer.texts.empty();
  require(found == (answer.status == Status::ok));
  require(answer.status == Status::ok || answer.status == Status::no_data ||
          answer.status == Status::nx_domain || answer.status == Status::server_failure);
  require(!answer.secure || answer.status != Status::server_failure);
  require(!answer.negative_ttl || !found);
  require(answer.ttl.count() >= 0 && answer.ttl.count() <= 0x7fffffff);
  for (const postern::IpAddress& address : answer.addresses) {
    require(type == RecordType::aaaa || address.is_v4());
  }
  for (const postern::TlsaRecord& record : answer.tlsa)
    require(!record.data.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size > 65535) return 0;  // no DNS message is longer (RFC 1035 section 4.2.2)
  const std::span<const unsigned char> message(data, size);
  for (const RecordType type : {RecordType::a,
                                RecordType::cname,
                                RecordType::ptr,
                                RecordType::mx,
                                RecordType::txt,
                                RecordType::aaaa,
                                RecordType::tlsa}) {
    check(type, message);
  }
  return 0;
}
