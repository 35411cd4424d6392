// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/option_values.h"

#include "base/host_name.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::send {
namespace {

constexpr Protocol kProtocols[] = {
    {"SMTP",    "HELO", 25,  false, false, false},
    {"SSMTP",   "EHLO", 465, false, false, true },
    {"SSMTPA",  "EHLO", 465, true,  false, true },
    {"SMTPS",   "HELO", 465, false, false, true },
    {"ESMTP",   "EHLO", 25,  false, false, false},
    {"ESMTPA",  "EHLO", 25,  true,  false, false},
    {"ESMTPS",  "EHLO", 25,  false, true,  false},
    {"ESMTPSA", "EHLO", 25,  true,  true,  false},
    {"LMTP",    "LHLO", 24,  false, false, false},
    {"LMTPA",   "LHLO", 24,  true,  false, false},
    {"LMTPS",   "LHLO", 24,  false, true,  false},
    {"LMTPSA",  "LHLO", 24,  true,  true,  false},
};

struct TlsVersion {
  std::string_view name;
  int number;
};
constexpr std::array<TlsVersion, 4> kVersions = {
    {{"TLSV1", TLS1_VERSION},
     {"TLSV1_1", TLS1_1_VERSION},
     {"TLSV1_2", TLS1_2_VERSION},
     {"TLSV1_3", TLS1_3_VERSION}}
};

struct Stop {
  std::string_view names;
  StopAt at;
};
constexpr Stop kStops[] = {
    {" CONNECT BANNER ",                   StopAt::connect    },
    {" FIRST-HELO FIRST-EHLO FIRST-LHLO ", StopAt::first_hello},
    {" XCLIENT ",                          StopAt::xclient    },
    {" STARTTLS TLS ",                     StopAt::tls        },
    {" HELO EHLO LHLO ",                   StopAt::hello      },
    {" AUTH ",                             StopAt::auth       },
    {" MAIL FROM ",                        StopAt::mail       },
    {" RCPT TO ",                          StopAt::rcpt       },
    {" DATA ",                             StopAt::data       },
    {" DOT ",                              StopAt::dot        }
};

struct FreeAddressList {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

}  // namespace

std::string in_capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return text;
}

std::vector<std::string> comma_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (part.starts_with(' '))
      part.remove_prefix(1);
    while (part.ends_with(' '))
      part.remove_suffix(1);
    if (!part.empty()) out.emplace_back(part);
  }
  return out;
}

std::optional<unsigned long> read_number(std::string_view text) {
  unsigned long out = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::optional<std::uint16_t> read_port(const std::string& text) {
  if (const auto number = read_number(text)) {
    if (*number == 0 || *number > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = AF_INET;
  addrinfo* found = nullptr;
  if (text.empty() || ::getaddrinfo(nullptr, text.c_str(), &hints, &found) != 0)
    return std::nullopt;
  const std::unique_ptr<addrinfo, FreeAddressList> owner(found);
  return ntohs(reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_port);
}

HostPort split_host(const std::string& text) {
  if (text.starts_with('[')) {
    const std::size_t end = std::min(text.find(']'), text.size());
    std::string rest = text.substr(std::min(end + 1, text.size()));
    if (rest.starts_with(':') || rest.starts_with('/')) rest.erase(0, 1);
    return {text.substr(1, end - 1), rest};
  }
  if (const std::size_t slash = text.find('/'); slash != text.npos)
    return {text.substr(0, slash), text.substr(slash + 1)};
  const std::size_t colon = text.find(':');
  // Two of them: an IPv6 address.
  if (colon == text.npos || text.find(':', colon + 1) != text.npos) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

const Protocol* find_protocol(const std::string& name) {
  for (const Protocol& one : kProtocols) {
    if (one.name == in_capitals(name)) return &one;
  }
  return nullptr;
}

std::string read_tls_versions(const std::string& list, talk::TlsTerms& terms) {
  std::array<bool, kVersions.size()> named{};
  int without = 0;
  const std::vector<std::string> parts = comma_list(in_capitals(list));
  for (std::string part : parts) {
    if (part.starts_with("NO_")) {
      ++without;
      part.erase(0, 3);
    }
    const auto* const found =
        std::find_if(kVersions.begin(), kVersions.end(), [&](const TlsVersion& version) {
          return version.name == part;
        });
    if (found == kVersions.end()) {
      return fmt::format("there is no \"{}\"; write tlsv1, tlsv1_1, tlsv1_2 or tlsv1_3", part);
    }
    named[static_cast<std::size_t>(found - kVersions.begin())] = true;
  }
  const bool mixed = without != 0 && static_cast<std::size_t>(without) != parts.size();
  if (parts.empty() || mixed) return "write either versions, or no_ before each of them";
  const bool wanted = without == 0;
  const auto first = std::find(named.begin(), named.end(), wanted);
  const auto end = std::find(first, named.end(), !wanted);
  if (first == named.end()) return "no version is left";
  if (std::find(end, named.end(), wanted) != named.end())
    return "write versions that follow each other";
  terms.least_version = kVersions[static_cast<std::size_t>(first - named.begin())].number;
  terms.most_version = kVersions[static_cast<std::size_t>(end - named.begin() - 1)].number;
  return {};
}

std::string read_dsn(const std::string& list, DsnOptions& dsn) {
  for (const std::string& part : comma_list(list)) {
    const std::string upper = in_capitals(part);
    if (upper.starts_with("RET=")) {
      dsn.ret = upper.substr(4);
      if (dsn.ret != "FULL" && dsn.ret != "HDRS") return "ret= is full or hdrs";
    } else if (upper.starts_with("ENVID=")) {
      dsn.envid = xtext(part.substr(6));
    } else if (upper == "SUCCESS" || upper == "FAILURE" || upper == "DELAY" || upper == "NEVER") {
      dsn.notify += (dsn.notify.empty() ? "" : ",") + upper;
    } else {
      return fmt::format(
          "there is no \"{}\"; write success, failure, delay or never, ret=..., envid=...", part);
    }
  }
  if (dsn.notify.find("NEVER") != dsn.notify.npos && dsn.notify != "NEVER")
    return "never stands alone";
  return {};
}

std::string xtext(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    const bool plain = octet > 0x20 && octet < 0x7F && c != '+' && c != '=';
    out += plain ? std::string(1, c) : fmt::format("+{:02X}", octet);
  }
  return out;
}

std::optional<std::chrono::milliseconds> read_timeout(const std::string& text) {
  if (text.empty()) return std::nullopt;
  unsigned long factor = 1;
  std::string digits = text;
  switch (text.back()) {
    case 'h':
      factor = 3600;
      break;
    case 'm':
      factor = 60;
      break;
    default:
      break;
  }
  if (text.back() == 's' || factor > 1) digits.pop_back();
  const auto number = read_number(digits);
  if (!number || *number > 1'000'000) return std::nullopt;
  return std::chrono::seconds(*number * factor);
}

std::optional<StopAt> read_stop(std::string text) {
  const std::string word = " " + in_capitals(std::move(text)) + " ";
  for (const Stop& stop : kStops) {
    if (word.find(' ', 1) == word.size() - 1 && stop.names.find(word) != stop.names.npos)
      return stop.at;
  }
  return std::nullopt;
}

std::string own_host_name() {
  std::string plain = host_name();
  if (plain.find('.') != plain.npos) return plain;
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  addrinfo* found = nullptr;
  if (::getaddrinfo(plain.c_str(), nullptr, &hints, &found) != 0) return plain;
  const std::unique_ptr<addrinfo, FreeAddressList> owner(found);
  return found->ai_canonname != nullptr ? found->ai_canonname : plain;
}

std::string own_user_name() {
  if (const char* const name = std::getenv("LOGNAME"); name != nullptr && *name != '\0')
    return name;
  const passwd* const entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : "postmaster";
}

}  // namespace postern::send
