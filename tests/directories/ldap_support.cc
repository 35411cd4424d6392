// SPDX-License-Identifier: Apache-2.0
#include "ldap_support.h"

#include <arpa/inet.h>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::directories::testing {
namespace {

using test::Slapd;

/// One element of BER, of under 128 octets.
std::string element(int tag, std::string_view content) {
  std::string out{static_cast<char>(tag), static_cast<char>(content.size())};
  return out.append(content);
}

std::string message(int id, int operation, std::string_view content) {
  const std::string number = element(0x02, std::string(1, static_cast<char>(id)));
  return element(0x30, number + element(operation, content));
}

std::string result(int code) {
  return element(0x0a, std::string(1, static_cast<char>(code))) + element(0x04, "") +
         element(0x04, "");
}

}  // namespace

LdapSettings settings_for(std::vector<std::string> servers) {
  LdapSettings out;
  out.name = "ad";
  out.servers = std::move(servers);
  out.base = Slapd::kBase;
  out.filter = "(|(mail={address})(proxyAddresses=smtp:{address}))";
  out.attributes = {"mail", "proxyAddresses"};
  out.timeout = std::chrono::seconds(20);
  return out;
}

smtp::Mailbox mailbox(std::string_view local, std::string_view domain) {
  return {local, domain};
}

std::string_view word_of(routing::Presence presence) {
  switch (presence) {
    case routing::Presence::known:
      return "known";
    case routing::Presence::unknown:
      return "unknown";
    case routing::Presence::unavailable:
      break;
  }
  return "unavailable";
}

std::string people() {
  return Slapd::person("ivanov",
                       "Ivan.Ivanov@company.ru",
                       "SMTP:Ivan.Ivanov@company.ru smtp:i.ivanov@company.ru sip:sip@company.ru") +
         Slapd::person("vetrov", "v.vetrov@company.ru") +
         Slapd::person("odd", "a(b)c@company.ru", "smtp:back\\slash@company.ru");
}

Folder::Folder() {
  std::string pattern = std::filesystem::temp_directory_path() / "postern-ldap-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ScriptedServer::ScriptedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* const raw = reinterpret_cast<sockaddr*>(&at);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener_, raw, size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, raw, &size) != 0) {
    throw std::runtime_error("scripted server: listen");
  }
  port_ = ntohs(at.sin_port);
  thread_ = std::thread([this] {
    for (int client; (client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      ++clients_;
      open_.push_back(client);
      sessions_.emplace_back([this, client] { serve(client); });
    }
  });
}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_, SHUT_RDWR);  // wakes accept
  thread_.join();
  for (const int client : open_)
    ::shutdown(client, SHUT_RDWR);
  for (std::thread& session : sessions_)
    session.join();
  for (const int client : open_)
    ::close(client);
  ::close(listener_);
}

void ScriptedServer::serve(int client) const {
  char block[4096];
  for (std::size_t i = 0; ::recv(client, block, sizeof block, 0) > 0; ++i) {
    if (i >= answers_.size()) continue;
    std::string_view answer = answers_[i];
    const bool closes = answer.ends_with(kClose);
    if (closes) answer.remove_suffix(kClose.size());
    ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    if (closes) ::shutdown(client, SHUT_RDWR);
  }
}

std::string ScriptedServer::url(std::string_view scheme) const {
  return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_);
}

std::string bind_answer(int code) {
  return message(1, 0x61, result(code));
}

std::string search_answer(int code, int id) {
  return message(id, 0x65, result(code));
}

std::string search_entry(std::string_view dn,
                         std::string_view attribute,
                         const std::vector<std::string>& values,
                         int id) {
  std::string set;
  for (const std::string& value : values)
    set += element(0x04, value);
  const std::string whole = element(0x30, element(0x04, attribute) + element(0x31, set));
  return message(id, 0x64, element(0x04, dn) + element(0x30, whole));
}

std::string search_entry(std::string_view dn, std::string_view mail) {
  return search_entry(dn, "mail", {std::string(mail)});
}

}  // namespace postern::directories::testing
