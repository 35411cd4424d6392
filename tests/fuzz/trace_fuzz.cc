// SPDX-License-Identifier: Apache-2.0
// Header blocks and Postern-Trace fields from outside (R13): nothing crashes, nothing that a
// stranger writes verifies, what the gateway wrote does, and one changed octet is the end of it.
#include "routing/message_facts.h"
#include "routing/trace.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using postern::routing::MessageFacts;
using postern::routing::TraceField;
using postern::routing::TraceHex;
using postern::routing::Tracer;

void require(bool truth) {
  if (!truth) std::abort();
}

const Tracer& tracer() {
  static const Tracer instance("gw.company.ru", "a key that no input holds");
  return instance;
}

void strangers_fields_do_not_verify(std::string_view header) {
  const MessageFacts facts = postern::routing::scan_header(header);
  require(facts.trace_fields.size() <= postern::routing::kMaxTraceFields);
  for (const std::string_view body : facts.trace_fields) {
    const auto field = postern::routing::parse_trace(body);
    require(!field || !tracer().verify(*field));
  }
  Tracer::Passes passes(tracer(), facts);
  require(passes.of(tracer().mailbox_hash("i.ivanov", "company.ru")) == 0);
  require(passes.forged() <= facts.trace_fields.size());
}

/// A token is for its mailbox and its message; for no other, and with no octet changed.
void own_tokens_verify(std::string_view local, std::size_t place, char octet) {
  const TraceHex mailbox = tracer().mailbox_hash(local, "company.ru");
  std::string header = tracer().token(mailbox, "a message");
  MessageFacts facts = postern::routing::scan_header(header);
  require(facts.trace_fields.size() == 1);
  facts.by_id = "a message";
  require(Tracer::Passes(tracer(), facts).has_token(mailbox));
  require(Tracer::Passes(tracer(), facts).of(mailbox) == 0);
  facts.by_id = "another";
  require(!Tracer::Passes(tracer(), facts).has_token(mailbox));
  std::string changed(facts.trace_fields.front());
  const std::size_t at = place % changed.size();
  const bool is_blank = octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
  const bool was_blank = changed[at] == ' ' || changed[at] == '\r';
  if (changed[at] == octet || (is_blank && was_blank)) return;
  changed[at] = octet;
  facts.by_id = "a message";
  facts.trace_fields = {changed};
  require(!Tracer::Passes(tracer(), facts).has_token(mailbox));
}

void own_fields_verify(std::string_view local, unsigned pass, std::size_t place, char octet) {
  const TraceHex mailbox = tracer().mailbox_hash(local, "company.ru");
  const std::string header = tracer().field(mailbox, pass);
  const MessageFacts facts = postern::routing::scan_header(header);
  require(facts.trace_fields.size() == 1);
  Tracer::Passes passes(tracer(), facts);
  require(passes.of(mailbox) == pass);
  std::string changed(facts.trace_fields.front());
  const std::size_t at = place % changed.size();
  const bool is_blank = octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
  const bool was_blank = changed[at] == ' ' || changed[at] == '\r';
  if (changed[at] == octet || (is_blank && was_blank)) return;
  changed[at] = octet;
  const auto field = postern::routing::parse_trace(changed);
  require(!field || !tracer().verify(*field));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  strangers_fields_do_not_verify(input);
  strangers_fields_do_not_verify("Postern-Trace:" + std::string(input));
  if (size >= 3) {
    const unsigned pass = 1 + data[0] % postern::routing::kMaxTracePass;
    own_fields_verify(input.substr(3), pass, data[1], static_cast<char>(data[2]));
    own_tokens_verify(input.substr(3), data[1], static_cast<char>(data[2]));
  }
  return 0;
}
