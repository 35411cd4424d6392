// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/reply.h"

#include <string_view>

/// Every sentence that the server can say of itself, to be read against RFC 5321 4.2 and RFC 3463
/// in one sitting. Routing has its own (routing/replies.h); a next hop's replies are its own words.
namespace postern::smtp::replies {

// Positive.
Reply ok();                 ///< 250 2.0.0
Reply sender_ok();          ///< 250 2.1.0
Reply recipient_ok();       ///< 250 2.1.5
Reply chunk_taken();        ///< 250 2.0.0, RFC 3030
Reply message_discarded();  ///< 250 2.0.0, all recipients were discarded by a stage
Reply cannot_verify();      ///< 252 2.1.5, VRFY
Reply start_mail_input();   ///< 354, no enhanced status
Reply closing();            ///< 221 2.0.0
Reply ready_for_tls();      ///< 220 2.0.0
Reply help(std::string_view topic_or_list);  ///< 214 2.0.0

// The session ends.
Reply shutting_down();          ///< 421 4.3.2
Reply too_slow();               ///< 421 4.4.2
Reply too_many_errors();        ///< 421 4.7.0
Reply too_many_messages();      ///< 421 4.7.0, RFC 9422 MAILMAX
Reply too_many_sessions();      ///< 421 4.3.2
Reply too_many_from_client();   ///< 421 4.7.0
Reply too_many_connections();   ///< 421 4.7.0, limits.connections_per_client
Reply certificate_withdrawn();  ///< 421 4.7.0, relay.allow_with_certificate has it no more
Reply session_too_long();       ///< 421 4.4.2, limits.session_lifetime
Reply proxy_not_expected();     ///< 421 4.7.0, a PROXY header from a host that is no balancer
Reply proxy_header_wrong();     ///< 421 4.7.0, a balancer that sent none, or a wrong one
Reply talked_too_early();       ///< 554 5.5.1
Reply starttls_injection();     ///< 554 5.5.1

// Commands.
Reply line_too_long();                           ///< 500 5.5.2
Reply bare_lf_command();                         ///< 500 5.5.2
Reply unknown_command();                         ///< 500 5.5.1
Reply not_offered();                             ///< 502 5.5.1
Reply bad_sequence();                            ///< 503 5.5.1
Reply say_hello_first();                         ///< 503 5.5.1
Reply nested_mail();                             ///< 503 5.5.1
Reply mail_first();                              ///< 503 5.5.1
Reply no_recipients();                           ///< 503 5.5.1
Reply chunks_under_way();                        ///< 503 5.5.1, DATA after BDAT
Reply binary_needs_bdat();                       ///< 503 5.5.1
Reply message_failed_already();                  ///< 503 5.5.1, a chunk after one that was refused
Reply tls_already();                             ///< 503 5.5.1
Reply authenticated_already();                   ///< 503 5.5.1
Reply bad_argument(std::string_view sentence);   ///< 501 5.5.4
Reply bad_sender(std::string_view sentence);     ///< 501 5.1.7
Reply bad_recipient(std::string_view sentence);  ///< 501 5.1.3
Reply unknown_parameter();                       ///< 555 5.5.4
Reply authentication_required();                 ///< 530 5.7.0, R3
Reply insufficient_authorization();              ///< 550 5.7.0, XCLIENT, XFORWARD

Reply requiretls_needs_tls();  ///< 530 5.7.10, RFC 8689

// AUTH (RFC 4954 section 6).
Reply authenticated();           ///< 235 2.7.0
Reply auth_unavailable();        ///< 454 4.7.0, nobody can check now
Reply account_under_attack();    ///< 454 4.7.0, too many failures for this account
Reply too_many_auth_failures();  ///< 421 4.7.0, of this client
Reply auth_refused();            ///< 535 5.7.8, the same whatever was wrong
Reply auth_cancelled();          ///< 501 5.7.0, the client said "*"
Reply auth_malformed();          ///< 501 5.5.2, no base64, or no message of the mechanism
Reply auth_line_too_long();      ///< 500 5.5.6
Reply unknown_mechanism();       ///< 504 5.5.4
Reply auth_needs_tls();          ///< 538 5.7.11
Reply sender_not_of_account();   ///< 553 5.7.1, auth.senders
Reply senders_unavailable();     ///< 451 4.3.0, auth.senders cannot be read

// Limits and content.
Reply no_storage();                     ///< 452 4.3.1
Reply too_many_messages_of_client();    ///< 450 4.7.1, limits.messages_per_client
Reply too_many_recipients_of_client();  ///< 450 4.7.1, limits.recipients_per_client
Reply too_many_recipients();            ///< 452 4.5.3
Reply other_next_hop();      ///< 452 4.5.3, cut-through: this recipient comes again in the next
                             ///< transaction
Reply declared_too_large();  ///< 552 5.3.4, SIZE
Reply message_too_large();   ///< 552 5.3.4
Reply header_too_large();    ///< 552 5.3.4
Reply bare_line_end();       ///< 550 5.6.11
Reply nul_octet();           ///< 550 5.6.11

}  // namespace postern::smtp::replies
