// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/words.h"

// The options, for --help and for whoever reads a command line. Names are swaks' where it has them.

namespace postern::send {
namespace {

using Takes = Word::Takes;
constexpr Takes kNone = Takes::nothing;
constexpr Takes kOne = Takes::value;
constexpr Takes kMaybe = Takes::maybe;

constexpr std::string_view kServer = "Server";
constexpr std::string_view kEnvelope = "Envelope and dialogue";
constexpr std::string_view kTls = "TLS";
constexpr std::string_view kAuth = "Login";
constexpr std::string_view kMessage = "Message";
constexpr std::string_view kProxy = "PROXY and XCLIENT";
constexpr std::string_view kOutput = "Output";

constexpr Word kWords[] = {
    {"server",
     "s",                                      kOne,
     "",                                                      "HOST[:PORT]",
     "where to; without it the MX of the last --to",                                                                                kServer  },
    {"port",                    "p",           kOne,   "",    "PORT",         "25; 465 with --tls-on-connect; 24 with LMTP",        kServer  },
    {"copy-routing",            "",            kOne,   "",    "DOMAIN",       "the MX of this domain in place of --server",         kServer  },
    {"local-interface",         "li",          kOne,   "",    "IP[:PORT]",    "connect from this address",                          kServer  },
    {"local-port",              "lp lport",    kOne,   "",    "PORT",         "connect from this port",                             kServer  },
    {"4",                       "",            kNone,  "",    "",             "IPv4 alone",                                         kServer  },
    {"6",                       "",            kNone,  "",    "",             "IPv6 alone",                                         kServer  },
    {"timeout",                 "",            kOne,   "",    "TIME",         "for each reply: 30s, 2m, 1h; 0: for ever (30s)",     kServer  },
    {"protocol",
     "",                                       kOne,
     "",                                                      "NAME",
     "SMTP, ESMTP, LMTP; ESMTPS, ESMTPSA, SSMTP, SMTPS, ...",                                                                       kServer  },

    {"from",                    "f",           kOne,   "",    "ADDRESS",      "envelope sender; \"<>\" is the null sender",         kEnvelope},
    {"to",                      "t",           kOne,   "",    "ADDRESS,...",  "recipients; may be repeated",                        kEnvelope},
    {"cc",                      "",            kOne,   "",    "ADDRESS,...",  "recipients that are named in Cc",                    kEnvelope},
    {"bcc",                     "",            kOne,   "",    "ADDRESS,...",  "recipients that are not named",                      kEnvelope},
    {"helo",                    "h ehlo lhlo", kOne,   "",    "NAME",         "who we are, in EHLO",                                kEnvelope},
    {"quit-after",
     "q quit",                                 kOne,
     "",                                                      "STEP",
     "QUIT behind CONNECT, FIRST-HELO, XCLIENT, TLS, HELO, AUTH, MAIL or RCPT",                                                     kEnvelope},
    {"drop-after",              "da",          kOne,   "",    "STEP",         "end without QUIT; DATA and DOT too",                 kEnvelope},
    {"drop-after-send",         "das",         kOne,   "",    "STEP",         "the same before the reply has come",                 kEnvelope},
    {"pipeline",                "",            kNone,  "",    "",             "MAIL, RCPT and DATA at once where it is offered",    kEnvelope},
    {"chunking",                "",            kNone,  "",    "",             "BDAT in place of DATA (RFC 3030)",                   kEnvelope},
    {"chunk-size",              "",            kOne,   "",    "OCTETS",       "of each BDAT (65536)",                               kEnvelope},
    {"smtputf8",                "",            kNone,  "",    "",             "SMTPUTF8 on MAIL (RFC 6531)",                        kEnvelope},
    {"requiretls",              "",            kNone,  "",    "",             "REQUIRETLS on MAIL (RFC 8689)",                      kEnvelope},
    {"dsn",
     "",                                       kOne,
     "",                                                      "NOTIFY[,...]",
     "success, failure, delay or never; ret=full or hdrs; envid=ID (RFC 3461)",                                                     kEnvelope},
    {"bare-lf",                 "",            kNone,  "",    "",             "as --violate bare-lf",                               kEnvelope},
    {"violate",
     "",                                       kOne,
     "",                                                      "NAME",
     "break a rule on purpose; may be repeated (list below)",                                                                       kEnvelope},
    {"repeat",                  "",            kOne,   "",    "N",            "so many letters, each over a connection of its own", kEnvelope},

    {"tls",                     "",            kNone,  "",    "",             "STARTTLS, or no letter",                             kTls     },
    {"tls-optional",            "tlso",        kNone,  "",    "",             "STARTTLS where it is offered and taken",             kTls     },
    {"tls-optional-strict",     "tlsos",       kNone,  "",    "",             "STARTTLS where it is offered",                       kTls     },
    {"tls-on-connect",          "tlsc",        kNone,  "",    "",             "TLS from the first octet, port 465",                 kTls     },
    {"tls-verify",
     "",                                       kNone,
     "",                                                      "",
     "the certificate must be valid, and for the server's name",                                                                    kTls     },
    {"tls-verify-name",         "",            kOne,   "",    "NAME",         "the same, for this name",                            kTls     },
    {"tls-ca-path",             "",            kOne,   "",    "PATH",         "authorities, a file or a folder (the system's)",     kTls     },
    {"tls-sni",                 "",            kOne,   "",    "NAME",         "the server name that is asked for (--server)",       kTls     },
    {"tls-cert",                "",            kOne,   "",    "FILE",         "our own certificate, PEM",                           kTls     },
    {"tls-key",                 "",            kOne,   "",    "FILE",         "its key, PEM",                                       kTls     },
    {"tls-protocol",            "tlsp",        kOne,   "",    "LIST",         "tlsv1_2, tlsv1_3; or no_tlsv1_3",                    kTls     },
    {"tls-cipher",              "",            kOne,   "",    "LIST",         "as OpenSSL writes it, for TLS 1.2 and below",        kTls     },
    {"tls-get-peer-cert",       "",            kMaybe, "-",   "[FILE]",       "the server's certificate, PEM",                      kTls     },

    {"auth",
     "a",                                      kMaybe,
     "ANY",                                                   "[TYPES]",
     "log in, or no letter: PLAIN, LOGIN, SCRAM-SHA-256",                                                                           kAuth    },
    {"auth-optional",           "ao",          kMaybe, "ANY", "[TYPES]",      "go on without, whatever happens",                    kAuth    },
    {"auth-optional-strict",
     "aos",                                    kMaybe,
     "ANY",                                                   "[TYPES]",
     "go on where it is not offered",                                                                                               kAuth    },
    {"auth-user",               "au",          kOne,   "",    "NAME",         "who logs in",                                        kAuth    },
    {"auth-password",
     "ap",                                     kMaybe,
     "",                                                      "[PASSWORD]",
     "@FILE reads it, - from standard input; asked for on the terminal without",                                                    kAuth    },
    {"auth-plaintext",          "apt",         kNone,  "",    "",             "show names decoded",                                 kAuth    },
    {"auth-hide-password",
     "ahp",                                    kMaybe,
     "",                                                      "[TEXT]",
     "as always: passwords are never shown",                                                                                        kAuth    },
    {"protect-prompt",          "pp",          kNone,  "",    "",             "as always",                                          kAuth    },

    {"data",                    "d",           kOne,   "",    "TEXT",         "the whole letter; @FILE, - from standard input",     kMessage },
    {"body",                    "",            kOne,   "",    "TEXT",         "its body; @FILE, -",                                 kMessage },
    {"header",
     "",                                       kOne,
     "",                                                      "FIELD",
     "\"Subject: x\" replaces or adds; also --h-Subject x",                                                                         kMessage },
    {"add-header",              "ah",          kOne,   "",    "FIELD",        "adds, also beside one of that name",                 kMessage },
    {"attach",                  "",            kOne,   "",    "TEXT",         "an attachment; @FILE, -",                            kMessage },
    {"attach-body",             "",            kOne,   "",    "TEXT",         "a body; several are alternatives",                   kMessage },
    {"attach-type",             "",            kOne,   "",    "TYPE",         "of the attachments behind it",                       kMessage },
    {"attach-name",             "",            kMaybe, "",    "[NAME]",       "of the next attachment",                             kMessage },
    {"no-data-fixup",
     "ndf",                                    kNone,
     "",                                                      "",
     "--data as it is: no tokens, no dots, no end",                                                                                 kMessage },
    {"no-strip-from",           "nsf",         kNone,  "",    "",             "an mbox \"From \" line stays",                       kMessage },
    {"g",                       "",            kNone,  "",    "",             "as --data -",                                        kMessage },

    {"proxy-version",           "",            kOne,   "",    "1|2",          "of the PROXY header (1)",                            kProxy   },
    {"proxy",                   "",            kOne,   "",    "TEXT",         "what stands behind PROXY, or version 2's signature", kProxy   },
    {"proxy-family",            "",            kOne,   "",    "NAME",         "TCP4, TCP6; version 2: AF_INET, AF_INET6, ...",      kProxy   },
    {"proxy-protocol",          "",            kOne,   "",    "NAME",         "version 2: STREAM, DGRAM, UNSPEC",                   kProxy   },
    {"proxy-command",           "",            kOne,   "",    "NAME",         "version 2: PROXY, LOCAL",                            kProxy   },
    {"proxy-source",            "",            kOne,   "",    "IP",           "the client",                                         kProxy   },
    {"proxy-source-port",       "",            kOne,   "",    "PORT",         "its port",                                           kProxy   },
    {"proxy-dest",              "",            kOne,   "",    "IP",           "whom it connected to",                               kProxy   },
    {"proxy-dest-port",         "",            kOne,   "",    "PORT",         "and the port",                                       kProxy   },
    {"xclient-addr",            "",            kOne,   "",    "IP",           "XCLIENT ADDR=",                                      kProxy   },
    {"xclient-name",            "",            kOne,   "",    "NAME",         "XCLIENT NAME=",                                      kProxy   },
    {"xclient-port",            "",            kOne,   "",    "PORT",         "XCLIENT PORT=",                                      kProxy   },
    {"xclient-proto",           "",            kOne,   "",    "NAME",         "XCLIENT PROTO=",                                     kProxy   },
    {"xclient-helo",            "",            kOne,   "",    "NAME",         "XCLIENT HELO=",                                      kProxy   },
    {"xclient-login",           "",            kOne,   "",    "NAME",         "XCLIENT LOGIN=",                                     kProxy   },
    {"xclient-destaddr",        "",            kOne,   "",    "IP",           "XCLIENT DESTADDR=",                                  kProxy   },
    {"xclient-destport",        "",            kOne,   "",    "PORT",         "XCLIENT DESTPORT=",                                  kProxy   },
    {"xclient-reverse-name",    "",            kOne,   "",    "NAME",         "XCLIENT REVERSE_NAME=",                              kProxy   },
    {"xclient-delim",           "",            kNone,  "",    "",             "what follows is in another XCLIENT",                 kProxy   },
    {"xclient",                 "",            kOne,   "",    "TEXT",         "an XCLIENT with this text",                          kProxy   },
    {"xclient-no-verify",       "",            kNone,  "",    "",             "also attributes that are not offered",               kProxy   },
    {"xclient-before-starttls", "",            kNone,  "",    "",             "before TLS in place of behind it",                   kProxy   },
    {"xclient-optional",        "",            kNone,  "",    "",             "go on whatever the server says",                     kProxy   },
    {"xclient-optional-strict", "",            kNone,  "",    "",             "go on where it is not offered",                      kProxy   },

    {"silent",
     "S",                                      kMaybe,
     "1",                                                     "[1|2|3]",
     "1: from the first error on; 2: errors; 3: nothing",                                                                           kOutput  },
    {"suppress-data",           "n",           kNone,  "",    "",             "the letter as a number of lines",                    kOutput  },
    {"show-time-lapse",
     "stl",                                    kMaybe,
     "exact",                                                 "[i]",
     "how long each reply took; i: seconds",                                                                                        kOutput  },
    {"show-raw-text",           "raw",         kNone,  "",    "",             "octets in hexadecimal too",                          kOutput  },
    {"hide-receive",            "hr",          kNone,  "",    "",             "not what the server says",                           kOutput  },
    {"hide-send",               "hs",          kNone,  "",    "",             "not what is sent",                                   kOutput  },
    {"hide-informational",      "hi",          kNone,  "",    "",             "not what send says itself",                          kOutput  },
    {"hide-all",                "ha",          kNone,  "",    "",             "nothing, the status tells",                          kOutput  },
    {"no-info-hints",           "nih",         kNone,  "",    "",             "without \"===\" in front",                           kOutput  },
    {"no-send-hints",           "nsh",         kNone,  "",    "",             "without \" ->\"",                                    kOutput  },
    {"no-receive-hints",        "nrh",         kNone,  "",    "",             "without \"<- \"",                                    kOutput  },
    {"no-hints",                "nth",         kNone,  "",    "",             "without both",                                       kOutput  },
    {"json",                    "",            kNone,  "",    "",             "an object a letter in place of the transcript",      kOutput  },
    {"dump",
     "",                                       kMaybe,
     "ALL",                                                   "[SECTIONS]",
     "what would be done: TRANSPORT, PROTOCOL, XCLIENT, PROXY, TLS, AUTH, DATA",                                                    kOutput  },
    {"dump-mail",               "",            kNone,  "",    "",             "the letter that would be sent",                      kOutput  },
};

}  // namespace

std::span<const Word> all_words() {
  return kWords;
}

}  // namespace postern::send
