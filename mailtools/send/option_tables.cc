// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/option_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::send {
namespace {

template <auto Member>
void set(Reader& r, const std::string&) {
  r.out.*Member = true;
}
template <auto Member>
void show(Reader& r, const std::string&) {
  r.out.output.*Member = true;
}
template <auto Member>
void no_hint(Reader& r, const std::string&) {
  r.out.output.*Member = false;
}
template <auto Member>
void terms(Reader& r, const std::string& value) {
  r.out.tls.terms.*Member = value;
}
template <Want Wanted>
void want_tls(Reader& r, const std::string&) {
  r.out.tls.starttls = Wanted;
}

void on_server(Reader& r, const std::string& v) {
  const HostPort parts = split_host(v);
  r.out.target.host = parts.host;
  r.server_port = parts.port;
  if (parts.host.empty()) r.fail("write a host's name or address");
}

void on_port(Reader& r, const std::string& v) {
  r.port = v;
}

void on_copy_routing(Reader& r, const std::string& v) {
  r.out.route_domain = v;
}

void on_local_interface(Reader& r, const std::string& v) {
  const HostPort parts = split_host(v);
  r.out.target.local = parts.host;
  if (!parts.port.empty()) r.out.target.local_port = r.port_of(parts.port);
}

void on_local_port(Reader& r, const std::string& v) {
  r.out.target.local_port = r.port_of(v);
}

void on_ipv4(Reader& r, const std::string&) {
  r.out.target.family = talk::Family::ipv4;
}

void on_ipv6(Reader& r, const std::string&) {
  r.out.target.family = talk::Family::ipv6;
}

void on_timeout(Reader& r, const std::string& v) {
  const auto time = read_timeout(v);
  if (!time) r.fail(fmt::format("\"{}\" is no time; write 30s, 2m or 1h", v));
  r.out.target.timeout = time.value_or(std::chrono::seconds(30));
}

void on_protocol(Reader& r, const std::string& v) {
  r.protocol = find_protocol(v);
  if (r.protocol == nullptr)
    r.fail(
        fmt::format("there is no \"{}\"; write SMTP, ESMTP, LMTP, ESMTPS, ESMTPSA, SSMTP "
                    "or SMTPS",
                    v));
}

void on_from(Reader& r, const std::string& v) {
  r.out.from = v == "<>" ? "" : v;
  r.from_given = true;
}

void on_to(Reader& r, const std::string& v) {
  r.add_recipients(&r.out.named_to, v);
}

void on_cc(Reader& r, const std::string& v) {
  r.add_recipients(&r.out.named_cc, v);
}

void on_bcc(Reader& r, const std::string& v) {
  r.add_recipients(nullptr, v);
}

void on_helo(Reader& r, const std::string& v) {
  r.out.hello_name = v;
}

void on_quit_after(Reader& r, const std::string& v) {
  r.out.quit_after = r.stop_of(v, StopAt::rcpt);
}

void on_drop_after(Reader& r, const std::string& v) {
  r.out.drop_after = r.stop_of(v, StopAt::dot);
}

void on_drop_after_send(Reader& r, const std::string& v) {
  r.out.drop_after_send = r.stop_of(v, StopAt::dot);
}

void on_chunk_size(Reader& r, const std::string& v) {
  r.out.chunk_size = r.number_of(v);
  r.out.chunking = true;
}

void on_dsn(Reader& r, const std::string& v) {
  if (const std::string wrong = read_dsn(v, r.out.dsn); !wrong.empty()) r.fail(wrong);
}

void on_bare_lf(Reader& r, const std::string&) {
  r.out.violations.insert(Violation::bare_lf);
}

void on_violate(Reader& r, const std::string& v) {
  const auto violation = read_violation(v);
  if (!violation) r.fail(fmt::format("there is no \"{}\"; \"postern send --help\" lists them", v));
  if (violation) r.out.violations.insert(*violation);
}

void on_repeat(Reader& r, const std::string& v) {
  r.out.repeat = r.number_of(v);
}

void on_tls_on_connect(Reader& r, const std::string&) {
  r.out.tls.on_connect = true;
}

void on_tls_verify(Reader& r, const std::string&) {
  r.out.tls.terms.verify = true;
}

void on_tls_verify_name(Reader& r, const std::string& v) {
  r.out.tls.terms.verify = true;
  r.out.tls.terms.names.push_back(v);
}

void on_tls_protocol(Reader& r, const std::string& v) {
  const std::string wrong = read_tls_versions(v, r.out.tls.terms);
  if (!wrong.empty()) r.fail(wrong);
}

void on_tls_get_peer_cert(Reader& r, const std::string& v) {
  r.out.tls.peer_certificate = v;
}

void on_auth(Reader& r, const std::string& v) {
  r.want_auth(Want::must, v);
}

void on_auth_optional(Reader& r, const std::string& v) {
  r.want_auth(Want::may, v);
}

void on_auth_optional_strict(Reader& r, const std::string& v) {
  r.want_auth(Want::if_offered, v);
}

void on_auth_user(Reader& r, const std::string& v) {
  r.out.auth.login.credentials.name = v == "<>" ? "" : v;
}

void on_auth_password(Reader& r, const std::string& v) {
  std::string password = v == "<>" ? "" : r.text_of(v, false);
  const bool of_file = v == "-" || (v.starts_with('@') && !v.starts_with("@@"));
  while (of_file && (password.ends_with('\n') || password.ends_with('\r')))
    password.pop_back();
  r.out.auth.login.credentials.password = std::move(password);
  r.password_given = true;
}

void on_ask_password(Reader& r, const std::string&) {
  r.out.auth.ask_password = true;
}

void on_auth_plaintext(Reader& r, const std::string&) {
  r.out.auth.login.show_decoded = true;
}

void on_auth_hide_password(Reader&, const std::string&) {}

void on_protect_prompt(Reader&, const std::string&) {}

void on_data(Reader& r, const std::string& v) {
  r.refuse_file(v);
  r.out.message.data = r.text_of(v);
}

void on_g(Reader& r, const std::string&) {
  if (!r.out.message.data) r.out.message.data = r.standard_input();
}

void on_body(Reader& r, const std::string& v) {
  r.out.message.body = r.text_of(v);
}

void on_header(Reader& r, const std::string& v) {
  r.out.message.headers.push_back(r.text_of(v));
}

void on_add_header(Reader& r, const std::string& v) {
  r.out.message.added.push_back(r.text_of(v));
}

void on_attach(Reader& r, const std::string& v) {
  r.add_attachment(v, false);
}

void on_attach_body(Reader& r, const std::string& v) {
  r.add_attachment(v, true);
}

void on_attach_type(Reader& r, const std::string& v) {
  const std::size_t slash = v.find('/');
  if (slash == v.npos || slash == 0 || slash + 1 == v.size())
    r.fail(fmt::format("\"{}\" is no type; write one such as text/html", v));
  r.attach_type = v;
}

void on_attach_name(Reader& r, const std::string& v) {
  r.attach_name = v;
}

void on_no_data_fixup(Reader& r, const std::string&) {
  r.out.message.fixup = false;
}

void on_no_strip_from(Reader& r, const std::string&) {
  r.out.message.strip_from = false;
}

void on_silent(Reader& r, const std::string& v) {
  r.out.output.silent = static_cast<unsigned>(std::min(r.number_of(v), 3UL));
}

void on_show_time_lapse(Reader& r, const std::string& v) {
  if (v != "i" && v != "exact") r.fail(fmt::format("there is no \"{}\"; write i", v));
  r.out.output.time_lapse = v == "i" ? TimeLapse::seconds : TimeLapse::exact;
}

void on_hide_all(Reader& r, const std::string&) {
  r.out.output.silent = 3;
}

void on_no_hints(Reader& r, const std::string&) {
  r.out.output.hint_send = false;
  r.out.output.hint_receive = false;
}

void on_dump(Reader& r, const std::string& v) {
  r.out.output.dump = in_capitals(v);
}

}  // namespace

const Reader::Table& Reader::target_table() {
  static const Table table = {
      {"server",          on_server         },
      {"port",            on_port           },
      {"copy-routing",    on_copy_routing   },
      {"local-interface", on_local_interface},
      {"local-port",      on_local_port     },
      {"4",               on_ipv4           },
      {"6",               on_ipv6           },
      {"timeout",         on_timeout        },
      {"protocol",        on_protocol       },
  };
  return table;
}

const Reader::Table& Reader::dialogue_table() {
  static const Table table = {
      {"from",            on_from                  },
      {"to",              on_to                    },
      {"cc",              on_cc                    },
      {"bcc",             on_bcc                   },
      {"helo",            on_helo                  },
      {"quit-after",      on_quit_after            },
      {"drop-after",      on_drop_after            },
      {"drop-after-send", on_drop_after_send       },
      {"pipeline",        set<&Options::pipeline>  },
      {"chunking",        set<&Options::chunking>  },
      {"chunk-size",      on_chunk_size            },
      {"smtputf8",        set<&Options::smtputf8>  },
      {"requiretls",      set<&Options::requiretls>},
      {"dsn",             on_dsn                   },
      {"bare-lf",         on_bare_lf               },
      {"violate",         on_violate               },
      {"repeat",          on_repeat                },
  };
  return table;
}

const Reader::Table& Reader::tls_table() {
  static const Table table = {
      {"tls",                 want_tls<Want::must>               },
      {"tls-optional",        want_tls<Want::may>                },
      {"tls-optional-strict", want_tls<Want::if_offered>         },
      {"tls-on-connect",      on_tls_on_connect                  },
      {"tls-verify",          on_tls_verify                      },
      {"tls-verify-name",     on_tls_verify_name                 },
      {"tls-ca-path",         terms<&talk::TlsTerms::ca>         },
      {"tls-sni",             terms<&talk::TlsTerms::server_name>},
      {"tls-cert",            terms<&talk::TlsTerms::cert>       },
      {"tls-key",             terms<&talk::TlsTerms::key>        },
      {"tls-cipher",          terms<&talk::TlsTerms::ciphers>    },
      {"tls-protocol",        on_tls_protocol                    },
      {"tls-get-peer-cert",   on_tls_get_peer_cert               },
  };
  return table;
}

const Reader::Table& Reader::auth_table() {
  static const Table table = {
      {"auth",                 on_auth                },
      {"auth-optional",        on_auth_optional       },
      {"auth-optional-strict", on_auth_optional_strict},
      {"auth-user",            on_auth_user           },
      {"auth-password",        on_auth_password       },
      {"ask-password",         on_ask_password        },
      {"auth-plaintext",       on_auth_plaintext      },
      {"auth-hide-password",   on_auth_hide_password  },
      {"protect-prompt",       on_protect_prompt      },
  };
  return table;
}

const Reader::Table& Reader::message_table() {
  static const Table table = {
      {"data",          on_data         },
      {"g",             on_g            },
      {"body",          on_body         },
      {"header",        on_header       },
      {"add-header",    on_add_header   },
      {"attach",        on_attach       },
      {"attach-body",   on_attach_body  },
      {"attach-type",   on_attach_type  },
      {"attach-name",   on_attach_name  },
      {"no-data-fixup", on_no_data_fixup},
      {"no-strip-from", on_no_strip_from},
  };
  return table;
}

const Reader::Table& Reader::output_table() {
  using Output = OutputOptions;
  static const Table table = {
      {"silent",             on_silent                     },
      {"suppress-data",      show<&Output::suppress_data>  },
      {"show-time-lapse",    on_show_time_lapse            },
      {"show-raw-text",      show<&Output::raw>            },
      {"hide-receive",       show<&Output::hide_receive>   },
      {"hide-send",          show<&Output::hide_send>      },
      {"hide-informational", show<&Output::hide_info>      },
      {"hide-all",           on_hide_all                   },
      {"no-info-hints",      no_hint<&Output::hint_info>   },
      {"no-send-hints",      no_hint<&Output::hint_send>   },
      {"no-receive-hints",   no_hint<&Output::hint_receive>},
      {"no-hints",           on_no_hints                   },
      {"json",               show<&Output::json>           },
      {"dump",               on_dump                       },
      {"dump-mail",          show<&Output::dump_mail>      },
  };
  return table;
}

}  // namespace postern::send
