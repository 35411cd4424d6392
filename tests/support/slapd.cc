// SPDX-License-Identifier: Apache-2.0
#include "support/slapd.h"

#include "support/free_port.h"

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace postern::test {
namespace {

constexpr const char* kProgram = "/usr/sbin/slapd";
constexpr const char* kLoader = "/usr/sbin/slapadd";
constexpr int kAttempts = 20;
constexpr std::chrono::seconds kPatience{20};

constexpr const char* kSchema = R"(include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses'
  EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.2.840.113556.1.5.9999 NAME 'mailRecipient' SUP top AUXILIARY
  MAY ( proxyAddresses ) )
modulepath /usr/lib/ldap
moduleload back_mdb
)";

constexpr const char* kTop = R"(dn: dc=company,dc=ru
objectClass: domain
dc: company

dn: ou=people,dc=company,dc=ru
objectClass: organizationalUnit
ou: people

)";

sockaddr_in local(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

/// slapd says that it starts a moment before it listens, and nothing afterwards.
bool accepts(std::uint16_t port) {
  const sockaddr_in at = local(port);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int refused = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&at), sizeof at);
    ::close(descriptor);
    if (refused == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

std::string local_url(const char* scheme, std::uint16_t port) {
  return std::string(scheme) + "://127.0.0.1:" + std::to_string(port);
}

}  // namespace

Slapd::Slapd(Options options) : options_(std::move(options)) {
  std::string pattern = std::filesystem::temp_directory_path() / "postern-slapd-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("slapd: mkdtemp");
  folder_ = pattern;
  std::filesystem::create_directory(folder_ + "/db");
  write_config();
  add(kTop);
}

Slapd::~Slapd() {
  end(SIGKILL);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Slapd::write_config() {
  std::ofstream out(folder_ + "/slapd.conf");
  out << kSchema << options_.extra << '\n';
  if (options_.tls) {
    out << "TLSCertificateFile " << options_.tls->certificate << '\n'
        << "TLSCertificateKeyFile " << options_.tls->key << '\n';
  }
  // The size of the map, not of the file.
  out << "database mdb\nmaxsize 268435456\ndbnosync\n"
      << "suffix \"" << kBase << "\"\nrootdn \"" << kAdmin << "\"\nrootpw " << kPassword << '\n'
      << "directory " << folder_ << "/db\nindex objectClass,mail,proxyAddresses,uid eq\n"
      << options_.database << '\n';
}

std::string Slapd::run(const std::string& command) const {
  const std::string log = folder_ + "/command.log";
  const int status = std::system((command + " >" + log + " 2>&1").c_str());
  std::ifstream in(log);
  const std::string said((std::istreambuf_iterator<char>(in)), {});
  if (status != 0) throw std::runtime_error(command + ": " + said);
  return said;
}

void Slapd::add(const std::string& ldif) {
  if (pid_ > 0) throw std::runtime_error("slapd: add() while it runs");
  const std::string file = folder_ + "/entries.ldif";
  std::ofstream(file) << ldif;
  run(std::string(kLoader) + " -q -f " + folder_ + "/slapd.conf -l " + file);
}

void Slapd::modify(const std::string& ldif) {
  const std::string file = folder_ + "/changes.ldif";
  std::ofstream(file) << ldif;
  run("ldapmodify -x -H " + url() + " -D " + kAdmin + " -w " + kPassword + " -f " + file);
}

std::string Slapd::person(const std::string& name,
                          const std::string& mail,
                          const std::string& proxies) {
  std::string out = "dn: cn=" + name + ",ou=people," + kBase +
                    "\nobjectClass: inetOrgPerson\nobjectClass: mailRecipient\ncn: " + name +
                    "\nsn: " + name + "\nuid: " + name + "\nmail: " + mail + '\n';
  for (std::size_t at = 0; at < proxies.size();) {
    const std::size_t end = std::min(proxies.find(' ', at), proxies.size());
    out += "proxyAddresses: " + proxies.substr(at, end - at) + '\n';
    at = end + 1;
  }
  return out + '\n';
}

std::string Slapd::url() const {
  return local_url("ldap", port_);
}

std::string Slapd::tls_url() const {
  return local_url("ldaps", tls_port_);
}

void Slapd::start() {
  if (pid_ > 0) throw std::runtime_error("slapd: it runs");
  const bool has_ports = port_ != 0;
  for (int i = 0; i < kAttempts; ++i) {
    if (!has_ports) {
      port_ = free_port();
      tls_port_ = free_port();
    }
    if (launch()) return;
    // Somebody else was faster: with another port, or when that one is free again.
    if (said_.find("bind") == std::string::npos && said_.find("in use") == std::string::npos) break;
  }
  throw std::runtime_error("slapd did not start: " + said_);
}

bool Slapd::launch() {
  int output[2];
  if (::pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("slapd: pipe");
  const std::string urls = options_.tls ? url() + "/ " + tls_url() + "/" : url() + "/";
  const std::string config = folder_ + "/slapd.conf";
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(output[1], STDOUT_FILENO);
    ::dup2(output[1], STDERR_FILENO);
    // "none": only what is said in any case, among it that it listens.
    ::execl(kProgram, kProgram, "-d", "none", "-f", config.c_str(), "-h", urls.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(output[1]);
  if (pid_ < 0) throw std::runtime_error("slapd: fork");
  said_.clear();
  std::promise<bool> promise;
  std::future<bool> starts = promise.get_future();
  reader_ = std::thread([this, from = output[0], promise = std::move(promise)]() mutable {
    char block[4096];
    bool told = false;
    for (ssize_t n; (n = ::read(from, block, sizeof block)) > 0;) {
      if (told) continue;
      said_.append(block, static_cast<std::size_t>(n));
      if (said_.find("slapd starting") == std::string::npos) continue;
      told = true;
      promise.set_value(true);
    }
    ::close(from);
    if (!told) promise.set_value(false);
  });
  const bool all_listen = starts.get() && accepts(port_) && (!options_.tls || accepts(tls_port_));
  if (all_listen) return true;
  end(SIGKILL);
  return false;
}

void Slapd::end(int signal) {
  if (pid_ > 0) {
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  if (reader_.joinable()) reader_.join();
}

void Slapd::stop() {
  end(SIGTERM);
}

void Slapd::kill() {
  end(SIGKILL);
}

}  // namespace postern::test
