// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "mailtools/send/message.h"
#include "mailtools/send/violations.h"
#include "mailtools/send/words.h"
#include "mailtools/talk/conversation.h"
#include "mailtools/talk/target.h"

#include <cstddef>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace postern::send {

/// Where a transaction ends before its end, in the order of the dialogue (swaks' names).
enum class StopAt : std::uint8_t {
  never,
  connect,
  first_hello,
  xclient,
  tls,
  hello,
  auth,
  mail,
  rcpt,
  data,
  dot
};

/// swaks' three kinds of asking: without it the letter does not go; it goes on without whatever
/// happens; it goes on where the server does not offer it.
enum class Want : std::uint8_t { no, must, may, if_offered };

enum class TimeLapse : std::uint8_t { none, exact, seconds };

struct TlsOptions {
  Want starttls = Want::no;
  bool on_connect = false;
  talk::TlsTerms terms;
  std::optional<std::string> peer_certificate;  ///< file to write it to; "-": the transcript
};

struct AuthOptions {
  Want want = Want::no;
  talk::Login login;
  bool ask_password = false;  ///< on the terminal, before anything is sent
};

struct XclientOptions {
  Want want = Want::no;
  std::vector<std::string> commands;    ///< arguments of one XCLIENT each
  std::vector<std::string> attributes;  ///< that the server must offer
  bool verify = true;
  bool before_tls = false;
};

/// Parameters of MAIL and RCPT beyond swaks.
struct DsnOptions {
  std::string notify;  ///< "SUCCESS,FAILURE"; empty: DSN is not used
  std::string ret;
  std::string envid;
};

struct OutputOptions {
  unsigned silent = 0;  ///< 1: from the first error on; 2: errors; 3: nothing
  bool hide_send = false;
  bool hide_receive = false;
  bool hide_info = false;
  bool hint_send = true;
  bool hint_receive = true;
  bool hint_info = true;
  bool suppress_data = false;
  bool raw = false;
  bool json = false;
  TimeLapse time_lapse = TimeLapse::none;
  std::optional<std::string> dump;  ///< sections, or "ALL": nothing is sent
  bool dump_mail = false;
};

/// All that one `postern send` does. A plain value.
struct Options {
  talk::Target target;  ///< `host` empty: the MX of `route_domain`
  std::string route_domain;
  std::string hello_name;
  std::string hello_verb = "EHLO";  ///< or LHLO, HELO
  std::string from;                 ///< empty: the null sender
  std::vector<std::string> to;      ///< the whole envelope, with --cc and --bcc
  std::vector<std::string> named_to;
  std::vector<std::string> named_cc;
  MessageOptions message;
  TlsOptions tls;
  AuthOptions auth;
  XclientOptions xclient;
  DsnOptions dsn;
  OutputOptions output;
  Violations violations;
  StopAt quit_after = StopAt::never;
  StopAt drop_after = StopAt::never;
  StopAt drop_after_send = StopAt::never;
  bool pipeline = false;
  bool smtputf8 = false;
  bool requiretls = false;
  bool chunking = false;
  std::size_t chunk_size = 65536;
  unsigned long repeat = 1;
};

/// What was typed, checked and read: files, standard input. A mistake says what to write instead.
Result<Options, Mistake> read_options(const std::vector<Given>& given, std::istream& in);

/// "5s", "3m", "1h", "30"; nullopt: none of these.
std::optional<std::chrono::milliseconds> read_timeout(const std::string& text);
/// "rcpt", "TO", ...; nullopt: no such place.
std::optional<StopAt> read_stop(std::string text);

}  // namespace postern::send
