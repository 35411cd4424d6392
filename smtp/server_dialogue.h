// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/command.h"
#include "smtp/limits.h"
#include "smtp/reply.h"
#include "smtp/xclient.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace postern::smtp {

/// What a listener offers and demands; constant for a session.
struct ServerProfile {
  std::string hostname;  ///< greeting and EHLO
  ServerLimits limits;
  bool offer_starttls = false;  ///< and TLS is not on yet
  bool offer_binarymime = false;
  bool offer_smtputf8 = true;
  std::string auth_mechanisms;  ///< "PLAIN LOGIN"; empty: AUTH is not offered
  bool auth_needs_tls = false;  ///< before TLS it is neither offered nor done (538)
  bool auth_required = false;   ///< R3: MAIL without an identity is 530 5.7.0
};

/// The server's half of an SMTP dialogue, without I/O: lines in, replies and effects out. A session
/// asks `on_line` for each command line, performs the effect, and tells the outcome back; replies
/// are appended to an output string that the session writes when the input is exhausted (one write
/// a pipelined group).
///
/// The order of the phases, and what is allowed in each, is the verb table (smtp/verbs.h). RSET,
/// EHLO and the end of a message drop the transaction; STARTTLS starts the session anew (RFC
/// 3207 4.2).
class ServerDialogue {
 public:
  explicit ServerDialogue(const ServerProfile& profile)
      : profile_(&profile), mechanisms_(profile.auth_mechanisms) {}

  // Effects: what the session must do before the next line is given.
  struct Nothing {};           ///< the reply is in the output already
  struct ResetTransaction {};  ///< drop the transaction, if any; the reply is in the output
  struct Greeted {
    std::string_view domain;
    bool esmtp;
  };  ///< HELO/EHLO: note it, drop the transaction
  struct BeginMail {
    Mail mail;
  };  ///< then mail_done()
  struct AddRecipient {
    Rcpt rcpt;
  };  ///< then recipient_done()
  struct BeginData {
  };  ///< DATA: then data_done(); when that was positive, read DATA octets, then message_done()
  struct BeginChunk {
    std::uint64_t size;
    bool last;
    bool discard;
  };  ///< BDAT: read `size` octets (throw them away if `discard`), then chunk_done()
  struct UpgradeTls {};  ///< write the output, then handshake, then tls_done()
  struct Authenticate {
    std::string_view mechanism;
    std::string_view initial;
    bool has_initial;
  };  ///< then auth_done()
  struct OverrideClient {
    ClientOverride client;
  };  ///< XCLIENT: then client_overridden(), which says the greeting; or close
  struct NoteForwarded {
    Forwarded message;
  };                ///< XFORWARD: for the log
  struct Close {};  ///< write the output and close
  using Effect = std::variant<Nothing,
                              ResetTransaction,
                              Greeted,
                              BeginMail,
                              AddRecipient,
                              BeginData,
                              BeginChunk,
                              UpgradeTls,
                              Authenticate,
                              OverrideClient,
                              NoteForwarded,
                              Close>;

  /// The greeting, appended to `out`.
  void greet(std::string& out) const;
  /// A client that spoke before the greeting: 554 5.5.1, then close.
  void pregreet(std::string& out) const;
  /// One line without CRLF. Views inside the effect point into `line`.
  Effect on_line(std::string_view line, std::string& out);
  /// A line that grew beyond the limit; the session throws it away up to its LF. 500 5.5.2, and the
  /// session goes on (or Close after too many errors).
  Effect on_long_line(std::string& out);
  /// A line (without LF) that ended with LF alone: 500 5.5.2, and nothing of it is obeyed.
  Effect on_bare_lf(std::string_view line, std::string& out);

  void mail_done(const Mail& mail, const Reply& reply, std::string& out);
  void recipient_done(const Reply& reply, std::string& out);
  /// Answer to BeginData: a positive `reply` becomes 354; another is said and the transaction stays
  /// (RFC 5321 3.3: as after a failed DATA).
  void data_done(const Reply& reply, std::string& out);
  /// Reply to the whole message (DATA or BDAT LAST). The transaction is over.
  void message_done(const Reply& reply, std::string& out);
  /// A chunk that was not the last was taken (`reply` positive) or refused; after a refusal chunks
  /// are discarded with 503 until RSET or MAIL ... (RFC 3030 2).
  void chunk_done(const Reply& reply, std::string& out);
  /// Also where TLS came before the greeting.
  void tls_done();
  void auth_done(bool ok, const Reply& reply, std::string& out);
  /// The mechanisms that are good for this connection and this moment; until then, the profile's.
  /// Empty: none.
  void offer_auth(std::string mechanisms) { mechanisms_ = std::move(mechanisms); }

  /// What the client may do because of where it comes from. R3: one in the allowlist is trusted,
  /// and need not authenticate.
  void set_rights(bool trusted, bool xclient, bool xforward);
  void set_trusted() { trusted_ = true; }
  /// XCLIENT was obeyed: the greeting is said, and the session begins anew, as Postfix has it. TLS
  /// stays. `greeted`: HELO was told; it need not be said again.
  void client_overridden(bool greeted, bool esmtp, bool authenticated, std::string& out);

  /// The message under way said BODY=BINARYMIME: NUL and bare CR or LF are its own.
  bool is_binary() const { return binary_; }
  bool in_transaction() const { return phase_ >= Phase::mail; }
  bool has_recipients() const { return recipients_ > 0; }
  /// Protocol errors since the last message that was taken: a client that delivers is no robot.
  /// 503 to the rest of a pipelined group after a refusal is none. Beyond the limit on_line answers
  /// 421 4.7.0 with Close.
  unsigned errors() const { return errors_; }

  enum class Phase : std::uint8_t { connected, greeted, mail, rcpt, chunks, chunks_failed };
  Phase phase() const { return phase_; }

 private:
  Effect on(const Helo& helo, std::string& out);
  Effect on(const Ehlo& ehlo, std::string& out);
  Effect on(const Mail& mail, std::string& out);
  Effect on(const Rcpt& rcpt, std::string& out);
  Effect on(const Data& data, std::string& out);
  Effect on(const Bdat& bdat, std::string& out);
  Effect on(const Rset& rset, std::string& out);
  Effect on(const Noop& noop, std::string& out);
  Effect on(const Vrfy& vrfy, std::string& out);
  Effect on(const Expn& expn, std::string& out);
  Effect on(const Help& help, std::string& out);
  Effect on(const Quit& quit, std::string& out);
  Effect on(const StartTls& starttls, std::string& out);
  Effect on(const Auth& auth, std::string& out);
  Effect on(const Xclient& xclient, std::string& out);
  Effect on(const Xforward& xforward, std::string& out);
  Effect on(const BadArguments& bad, std::string& out);
  Effect on(const UnknownCommand& unknown, std::string& out);
  Effect fail(const Reply& reply, std::string& out);
  bool is_too_idle(std::string& out);
  Effect fail_sequence(Verb verb, std::string& out);
  bool in_sequence(Verb verb, std::string& out, Effect& effect);
  void end_transaction();
  bool offers_auth() const;
  bool offers(std::string_view mechanism) const;

  const ServerProfile* profile_;
  std::string mechanisms_;
  Phase phase_ = Phase::connected;
  bool esmtp_ = false;
  bool tls_ = false;
  bool authenticated_ = false;
  bool trusted_ = false;
  bool may_xclient_ = false;
  bool may_xforward_ = false;
  bool utf8_ = false;
  bool binary_ = false;
  bool refused_ = false;  ///< MAIL, a recipient or a chunk: what is pipelined behind it fails too
  std::size_t recipients_ = 0;
  unsigned errors_ = 0;
  unsigned refused_recipients_ = 0;
  unsigned idle_commands_ = 0;
  unsigned messages_ = 0;
};

}  // namespace postern::smtp
