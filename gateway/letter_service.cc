// SPDX-License-Identifier: Apache-2.0
#include "gateway/letter_service.h"

#include "gateway/authenticator.h"
#include "gateway/by_route_letter.h"
#include "gateway/client_gate.h"
#include "gateway/letter_parts.h"
#include "smtp/replies.h"

#include <algorithm>

namespace postern::gateway {
namespace {

/// The certificate was looked at when the session began; entries may have been struck off since.
bool is_still_known(const Config& config, const smtp::SessionFacts& session) {
  const std::string print = session.tls != nullptr ? session.tls->peer_fingerprint : std::string();
  const auto is_it = [&](const tls::ClientCertificate& entry) {
    return std::string(smtp::kCertificateIdentity) + entry.name == session.identity &&
           (entry.fingerprint.empty() || entry.fingerprint == print);
  };
  const std::vector<tls::ClientCertificate>& known = config.tls.clients;
  return std::any_of(known.begin(), known.end(), is_it);
}

}  // namespace

/// By the config of now: a host that is named no more has no rights.
smtp::ClientRights LetterService::admit(const smtp::SessionFacts& session) {
  const std::shared_ptr<const Runtime> runtime = current_.get();
  const ListenerRuntime* const listener = runtime->find(listener_.name);
  smtp::ClientRights rights;
  rights.trusted = runtime->config().routing.allow_without_auth.contains(session.client);
  if (listener != nullptr) {
    rights.xclient = listener->xclient.contains(session.client);
    rights.xforward = listener->xforward.contains(session.client);
  }
  if (session.client == admitted_) return rights;
  client_name_->clear();
  if (tools_.reverse != nullptr) tools_.reverse->begin(session.client);
  if (tools_.gate == nullptr) return rights;
  rights.refusal = tools_.gate->move(runtime->config(), listener_.name, session.client, ticket_);
  if (rights.refusal.code() == 0) admitted_ = session.client;
  return rights;
}

smtp::Reply LetterService::limit_recipient(const smtp::SessionFacts& session) {
  if (tools_.gate == nullptr || !letters_) return {};
  return tools_.gate->recipient(letters_->config(), session.client);
}

net::Awaitable<smtp::Begun> LetterService::begin(const smtp::SessionFacts& session,
                                                 const smtp::Sender& sender) {
  std::shared_ptr<const Runtime> runtime = current_.get();
  const ListenerRuntime* listener = runtime->find(listener_.name);
  if (listener == nullptr) {
    runtime = runtime_;
    listener = &listener_;
  }
  letters_ = runtime;
  smtp::Reply refusal;
  if (session.by_certificate && !is_still_known(current_.get()->config(), session)) {
    refusal = smtp::replies::certificate_withdrawn();
    const std::string why = refusal.line();
    note(session, {"ended", "MAIL", why});
  }
  if (refusal.code() == 0 && tools_.gate != nullptr)
    refusal = tools_.gate->message(runtime->config(), session.client);
  if (refusal.code() == 0) refusal = refusal_of(*runtime, session, sender);
  if (refusal.code() != 0) {
    smtp::Begun refused(refusal, nullptr);
    co_return refused;
  }
  if (session.client_name.empty()) {
    co_await find_name(session.client);
  } else {
    *client_name_ = session.client_name;  // XCLIENT has told it
  }
  std::unique_ptr<smtp::Transaction> letter;
  if (runtime->delivery_by_route) {
    letter = std::make_unique<ByRouteLetter>(runtime, *listener, session, sender, tools_);
  } else {
    letter = make_letter(listener->delivery, runtime, *listener, session, sender, tools_);
  }
  smtp::Begun begun(smtp::replies::sender_ok(), std::move(letter));
  co_return begun;
}

/// Asked for when the client came; what Received and log need is waited for here, once a letter and
/// nowhere else.
net::Awaitable<void> LetterService::find_name(IpAddress client) {
  if (tools_.reverse == nullptr || !tools_.reverse->looks_up(client)) co_return;
  const std::string name = co_await tools_.reverse->name(client);
  *client_name_ = name.empty() ? "unknown" : name;
}

/// auth.senders: who has logged in may not use everybody's address. Who comes with a certificate is
/// a server of ours, with everybody's mail. Code 0: there is none.
smtp::Reply LetterService::refusal_of(const Runtime& runtime,
                                      const smtp::SessionFacts& session,
                                      const smtp::Sender& sender) {
  const AuthFiles& files = runtime.snapshot->auth_files();
  if (session.identity.empty() || session.by_certificate || !files.has_senders()) return {};
  const std::shared_ptr<const SenderMap> senders = files.senders();
  if (senders && senders->allows(session.identity, sender.path)) return {};
  const smtp::Reply refusal =
      senders ? smtp::replies::sender_not_of_account() : smtp::replies::senders_unavailable();
  const std::string command = "MAIL FROM:<" + sender.path.text() + ">";
  const std::string why = refusal.line();
  note(session, {"refused", command, why});
  return refusal;
}

std::string LetterService::auth_mechanisms(const smtp::SessionFacts& session,
                                           std::string_view configured) {
  return usable_mechanisms(*current_.get()->snapshot, session, configured);
}

std::unique_ptr<smtp::AuthExchange> LetterService::authenticate(const smtp::SessionFacts& session,
                                                                const smtp::AuthStart& start) {
  if (tools_.auth == nullptr) return nullptr;
  return make_exchange(current_.get(), session, start, *tools_.auth, *tools_.log);
}

void LetterService::note(const smtp::SessionFacts& session, const smtp::SessionNote& what) {
  SessionRecord record = record_of(session);
  record.event = what.event;
  record.command = what.command;
  record.why = what.why;
  tools_.log->write(record);
}

}  // namespace postern::gateway
