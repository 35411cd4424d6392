// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

// The names of all that is counted, as docs/metrics.md has them.

namespace postern::metrics {
namespace {

// clang-format off
constexpr Family kFamilies[] = {
    {"postern_start_time_seconds", Kind::gauge, "", "When the gateway began, in seconds since 1970."},
    {"postern_sessions", Kind::gauge, "", "Sessions of clients that are open."},
    {"postern_sessions_total", Kind::counter, "listener", "Sessions of clients that were served."},
    {"postern_sessions_refused_total", Kind::counter, "reason", "Connections that were turned away."},
    {"postern_sessions_timed_out_total", Kind::counter, "reason", "Sessions that ended since the client was too slow."},
    {"postern_limited_total", Kind::counter, "limit", "Messages and recipients over a limit per client."},
    {"postern_messages_total", Kind::counter, "outcome", "Messages that came to their end, by the reply to it."},
    {"postern_recipients_total", Kind::counter, "outcome", "Recipients, by the reply to RCPT."},
    {"postern_recipient_outcomes_total", Kind::counter, "outcome", "Lines of the letter log about a recipient, by outcome."},
    {"postern_deliveries_total", Kind::counter, "hop outcome", "Recipients' deliveries, by next hop."},
    {"postern_queue_messages", Kind::gauge, "", "Messages in the spool."},
    {"postern_queue_octets", Kind::gauge, "", "Octets of these messages."},
    {"postern_queue_damaged_messages_total", Kind::counter, "", "Messages that could not be read, and were moved aside."},
    {"postern_memory_resident_octets", Kind::gauge, "", "Memory that the system counts as the process's."},
    {"postern_memory_octets", Kind::gauge, "part", "What the process has allocated, by what it is for."},
    {"postern_hop_hosts", Kind::gauge, "hop state", "Known hosts of next hops, by whether they are passed over."},
    {"postern_logins_total", Kind::counter, "mechanism outcome", "Attempts to log in."},
    {"postern_dns_answers_total", Kind::counter, "type outcome", "Questions to DNS servers, by what came of them."},
    {"postern_dns_cache_total", Kind::counter, "outcome", "Look-ups in DNS, by whether a server had to be asked."},
    {"postern_tls_handshakes_total", Kind::counter, "version", "TLS handshakes of clients, by what was agreed on."},
    {"postern_certificate_expiry_seconds", Kind::gauge, "file", "When a certificate ends, in seconds since 1970."},
    {"postern_log_lines_lost_total", Kind::counter, "", "Lines of the log that could not be written."},
    {"postern_metrics_requests_total", Kind::counter, "", "Times that this page was asked for."},
};
// clang-format on

}  // namespace

std::span<const Family> families() {
  return kFamilies;
}

}  // namespace postern::metrics
