// SPDX-License-Identifier: Apache-2.0
// Where a session begins anew, or its client is another: STARTTLS, XCLIENT, XFORWARD, and what only
// a balancer says.
#include "smtp/replies.h"
#include "smtp/server_dialogue.h"
#include "smtp/verbs.h"

namespace postern::smtp {

void ServerDialogue::set_rights(bool trusted, bool xclient, bool xforward) {
  trusted_ = trusted;
  may_xclient_ = xclient;
  may_xforward_ = xforward;
}

ServerDialogue::Effect ServerDialogue::on(const Xclient& xclient, std::string& out) {
  Effect effect;
  if (!in_sequence(Verb::xclient, out, effect)) return effect;
  if (!may_xclient_) return fail(replies::insufficient_authorization(), out);
  Result<ClientOverride, BadAttribute> client = parse_xclient(xclient.attributes);
  if (!client) return fail(replies::bad_argument(client.error().sentence), out);
  return OverrideClient{*std::move(client)};
}

ServerDialogue::Effect ServerDialogue::on(const Xforward& xforward, std::string& out) {
  Effect effect;
  if (!in_sequence(Verb::xforward, out, effect)) return effect;
  if (!may_xforward_) return fail(replies::insufficient_authorization(), out);
  Result<Forwarded, BadAttribute> message = parse_xforward(xforward.attributes);
  if (!message) return fail(replies::bad_argument(message.error().sentence), out);
  replies::ok().append_to(out);
  return NoteForwarded{*std::move(message)};
}

ServerDialogue::Effect ServerDialogue::on(const UnknownCommand& unknown, std::string& out) {
  // A balancer that the listener does not name: a header of version 1, or the third line of one of
  // version 2. It is told to come again: its mail is good.
  const bool is_header =
      iequals(unknown.verb, "PROXY") || unknown.verb == std::string_view("\0", 1);
  if (phase_ == Phase::connected && is_header) {
    replies::proxy_not_expected().append_to(out);
    return Close{};
  }
  return fail(replies::unknown_command(), out);
}

void ServerDialogue::client_overridden(bool greeted,
                                       bool esmtp,
                                       bool authenticated,
                                       std::string& out) {
  end_transaction();
  phase_ = greeted ? Phase::greeted : Phase::connected;
  esmtp_ = esmtp;
  authenticated_ = authenticated;
  // Another client's from now on.
  errors_ = refused_recipients_ = idle_commands_ = 0;
  greet(out);
}

void ServerDialogue::tls_done() {
  phase_ = Phase::connected;
  esmtp_ = false;
  tls_ = true;
  authenticated_ = false;
  recipients_ = 0;
  utf8_ = binary_ = refused_ = false;
}

}  // namespace postern::smtp
