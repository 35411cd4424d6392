// SPDX-License-Identifier: Apache-2.0
#include "smtp/replies.h"

namespace postern::smtp::replies {

Reply ok() {
  return {
      250, {2, 0, 0},
       "ok"_text
  };
}
Reply sender_ok() {
  return {
      250, {2, 1, 0},
       "sender ok"_text
  };
}
Reply recipient_ok() {
  return {
      250, {2, 1, 5},
       "recipient ok"_text
  };
}
Reply chunk_taken() {
  return {
      250, {2, 0, 0},
       "chunk taken"_text
  };
}
Reply message_discarded() {
  return {
      250, {2, 0, 0},
       "message taken"_text
  };
}
Reply cannot_verify() {
  return {
      252, {2, 1, 5},
       "send a message to it and see"_text
  };
}
Reply start_mail_input() {
  return {354, {}, "send the message, end with CRLF.CRLF"_text};
}
Reply closing() {
  return {
      221, {2, 0, 0},
       "closing the connection"_text
  };
}
Reply ready_for_tls() {
  return {
      220, {2, 0, 0},
       "ready for TLS"_text
  };
}
Reply help(std::string_view topic_or_list) {
  return {
      214, {2, 0, 0},
       Text(std::string(topic_or_list))
  };
}

Reply shutting_down() {
  return {
      421, {4, 3, 2},
       "shutting down, come again soon"_text
  };
}
Reply too_slow() {
  return {
      421, {4, 4, 2},
       "no command for too long, closing the connection"_text
  };
}
Reply too_many_errors() {
  return {
      421, {4, 7, 0},
       "too many errors, closing the connection"_text
  };
}
Reply too_many_messages() {
  return {
      421, {4, 7, 0},
       "enough messages on this connection, open another"_text
  };
}
Reply too_many_sessions() {
  return {
      421, {4, 3, 2},
       "too many sessions, come again soon"_text
  };
}
Reply too_many_from_client() {
  return {
      421, {4, 7, 0},
       "too many sessions from your address"_text
  };
}
Reply too_many_connections() {
  return Reply(421, {4, 7, 0}, "too many connections from your address, come again later"_text);
}
Reply certificate_withdrawn() {
  return {
      421, {4, 7, 0},
       "this certificate is not accepted any more, closing the connection"_text
  };
}
Reply session_too_long() {
  return Reply(421, {4, 4, 2}, "the session has lasted too long, open another"_text);
}
Reply proxy_not_expected() {
  return Reply(421, {4, 7, 0}, "a PROXY header is not expected from your address"_text);
}
Reply proxy_header_wrong() {
  return Reply(421, {4, 7, 0}, "a PROXY header is expected from your address"_text);
}
Reply talked_too_early() {
  return {
      554, {5, 5, 1},
       "you spoke before the greeting"_text
  };
}
Reply starttls_injection() {
  return {
      554, {5, 5, 1},
       "commands behind STARTTLS in plain are refused"_text
  };
}

Reply line_too_long() {
  return {
      500, {5, 5, 2},
       "the line is too long"_text
  };
}
Reply bare_lf_command() {
  return {
      500, {5, 5, 2},
       "a command line ends with CRLF, not with LF alone"_text
  };
}
Reply unknown_command() {
  return {
      500, {5, 5, 1},
       "no such command"_text
  };
}
Reply not_offered() {
  return {
      502, {5, 5, 1},
       "not offered here"_text
  };
}
Reply bad_sequence() {
  return {
      503, {5, 5, 1},
       "not now"_text
  };
}
Reply say_hello_first() {
  return {
      503, {5, 5, 1},
       "EHLO or HELO first"_text
  };
}
Reply nested_mail() {
  return {
      503, {5, 5, 1},
       "a transaction is under way; RSET ends it"_text
  };
}
Reply mail_first() {
  return {
      503, {5, 5, 1},
       "MAIL first"_text
  };
}
Reply no_recipients() {
  return {
      503, {5, 5, 1},
       "no recipient was accepted"_text
  };
}
Reply chunks_under_way() {
  return {
      503, {5, 5, 1},
       "the message comes by BDAT already"_text
  };
}
Reply binary_needs_bdat() {
  return {
      503, {5, 5, 1},
       "BODY=BINARYMIME needs BDAT"_text
  };
}
Reply message_failed_already() {
  return {
      503, {5, 5, 1},
       "a chunk of this message was refused; RSET first"_text
  };
}
Reply tls_already() {
  return {
      503, {5, 5, 1},
       "TLS is on already"_text
  };
}
Reply authenticated_already() {
  return {
      503, {5, 5, 1},
       "you are authenticated already"_text
  };
}
Reply bad_argument(std::string_view sentence) {
  return {
      501, {5, 5, 4},
       Text(std::string(sentence))
  };
}
Reply bad_sender(std::string_view sentence) {
  return {
      501, {5, 1, 7},
       Text(std::string(sentence))
  };
}
Reply bad_recipient(std::string_view sentence) {
  return {
      501, {5, 1, 3},
       Text(std::string(sentence))
  };
}
Reply unknown_parameter() {
  return {
      555, {5, 5, 4},
       "a parameter that is not offered here"_text
  };
}
Reply authentication_required() {
  return {
      530, {5, 7, 0},
       "authentication required"_text
  };
}
Reply requiretls_needs_tls() {
  return {
      530, {5, 7, 10},
       "REQUIRETLS needs TLS; say STARTTLS first"_text
  };
}
Reply authenticated() {
  return Reply(235, {2, 7, 0}, "authenticated"_text);
}
Reply auth_unavailable() {
  return {
      454, {4, 7, 0},
       "authentication is not available now"_text
  };
}
Reply account_under_attack() {
  return Reply(454, {4, 7, 0}, "too many failed logins of this account; try again later"_text);
}
Reply too_many_auth_failures() {
  return Reply(421, {4, 7, 0}, "too many failed logins; try again later"_text);
}
Reply auth_refused() {
  return Reply(535, {5, 7, 8}, "wrong name or password"_text);
}
Reply auth_cancelled() {
  return Reply(501, {5, 7, 0}, "authentication cancelled"_text);
}
Reply auth_malformed() {
  return Reply(501, {5, 5, 2}, "this is no response of that mechanism, in base64"_text);
}
Reply auth_line_too_long() {
  return Reply(500, {5, 5, 6}, "this response is too long"_text);
}
Reply unknown_mechanism() {
  return Reply(504, {5, 5, 4}, "this mechanism is not offered"_text);
}
Reply auth_needs_tls() {
  return Reply(538, {5, 7, 11}, "say STARTTLS first"_text);
}
Reply sender_not_of_account() {
  return Reply(553, {5, 7, 1}, "this account may not use this sender address"_text);
}
Reply senders_unavailable() {
  return Reply(451, {4, 3, 0}, "sender addresses cannot be looked up now"_text);
}

Reply no_storage() {
  return Reply(452, {4, 3, 1}, "no room for the message at the moment"_text);
}
Reply insufficient_authorization() {
  return Reply(550, {5, 7, 0}, "insufficient authorization"_text);
}
Reply too_many_messages_of_client() {
  return Reply(450, {4, 7, 1}, "too many messages from your address, come again later"_text);
}
Reply too_many_recipients_of_client() {
  return Reply(450, {4, 7, 1}, "too many recipients from your address, come again later"_text);
}
Reply too_many_recipients() {
  return {
      452, {4, 5, 3},
       "too many recipients"_text
  };
}
Reply other_next_hop() {
  return {
      452, {4, 5, 3},
       "this recipient goes another way: send it in a transaction of its own"_text
  };
}
Reply declared_too_large() {
  return {
      552, {5, 3, 4},
       "the message is larger than is allowed here"_text
  };
}
Reply message_too_large() {
  return {
      552, {5, 3, 4},
       "the message is larger than is allowed here"_text
  };
}
Reply header_too_large() {
  return {
      552, {5, 3, 4},
       "the header of the message is too large"_text
  };
}
Reply bare_line_end() {
  return {
      550, {5, 6, 11},
       "bare CR or LF in the message"_text
  };
}
Reply nul_octet() {
  return {
      550, {5, 6, 11},
       "NUL in the message"_text
  };
}

}  // namespace postern::smtp::replies
