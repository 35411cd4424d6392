// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"
#include "server_fixture.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace postern::gateway {
namespace {

using ::testing::StartsWith;

/// A Dovecot that gives everybody one answer, at once or when it is let go.
class FakeDovecot {
 public:
  explicit FakeDovecot(std::string answer) : answer_(std::move(answer)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (::mkdtemp(folder_) == nullptr) throw std::runtime_error("mkdtemp");
    std::memcpy(address.sun_path, path().data(), path().size());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 16) != 0)
      throw std::runtime_error("no Unix socket");
    thread_ = std::thread([this] {
      for (int client; (client = ::accept(listener_, nullptr, nullptr)) >= 0;)
        clients_.emplace_back([this, client] { serve(client); });
    });
  }
  ~FakeDovecot() {
    let_go();
    ::shutdown(listener_, SHUT_RDWR);  // wakes accept
    thread_.join();
    for (std::thread& client : clients_)
      client.join();
    ::close(listener_);
    ::unlink(path().c_str());
    ::rmdir(folder_);
  }
  FakeDovecot(FakeDovecot&&) = delete;

  std::string path() const { return std::string(folder_) + "/auth"; }
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  void wait_for_questions(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ >= count; });
  }

 private:
  void serve(int client) {
    const std::string_view greeting = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nDONE\n";
    ::send(client, greeting.data(), greeting.size(), MSG_NOSIGNAL);
    std::string heard;
    char block[4096];
    while (heard.find("resp=") == std::string::npos) {
      const ssize_t n = ::recv(client, block, sizeof block, 0);
      if (n <= 0) break;
      heard.append(block, static_cast<std::size_t>(n));
    }
    {
      std::unique_lock lock(mutex_);
      ++asked_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return !held_; });
    }
    ::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    ::shutdown(client, SHUT_WR);
    while (::recv(client, block, sizeof block, 0) > 0) {
    }
    ::close(client);
  }

  const std::string answer_;
  char folder_[32] = "/tmp/postern-dovecot-XXXXXX";
  int listener_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int asked_ = 0;
  std::vector<std::thread> clients_;
  std::thread thread_;
};

/// A client of the gateway behind EHLO.
class Client {
 public:
  explicit Client(std::uint16_t port) : wire_(test::Wire::connect("127.0.0.1", port)) {
    reply();
    ask("EHLO c.example");
  }
  std::string reply() {
    std::string all;
    for (;;) {
      const std::optional<std::string> line = wire_->line();
      if (!line) return all;
      all += *line + "\n";
      if (line->size() < 4 || (*line)[3] != '-') return all;
    }
  }
  void say(const std::string& line) { wire_->write(line + "\r\n"); }
  std::string ask(const std::string& line) {
    say(line);
    return reply();
  }

 private:
  const std::unique_ptr<test::Wire> wire_;
};

std::string plain(const std::string& name) {
  const std::string zero(1, '\0');
  return "AUTH PLAIN " + to_base64(zero + name + zero + "secret");
}

class LoginServersTest : public ServerTest {
 protected:
  LoginServersTest() {
    setup.delivery = "queue";
    setup.listener = "auth = true\nauth_without_tls = true";
  }
  ~LoginServersTest() override {
    stop();
    join();
    std::filesystem::remove(senders_);
  }
  void start_with(const FakeDovecot& dovecot) {
    setup.after = fmt::format(
        "[gateways]\nexternal = [\"exchange\"]\n[auth]\naccounts = \"dovecot:{}\"\n"
        "failure_delay = \"0s\"\nfailures_per_client = \"2 in 1h\"\nsenders = \"file:{}\"\n",
        dovecot.path(),
        senders_);
    start();
  }
  const std::string senders_ =
      ::testing::TempDir() + "postern-no-senders." + std::to_string(::getpid());
};

TEST_F(LoginServersTest, AClientIsWhoTheStoreSaysHoweverItWritesTheName) {
  FakeDovecot dovecot("OK\t1\tuser=Ann@company.ru\n");
  std::ofstream(senders_) << "boss@company.ru boss@company.ru\n";
  start_with(dovecot);
  Client client(port());
  // Dovecot has names of its own for what it reads: another's address is nobody's identity.
  EXPECT_THAT(client.ask(plain("boss@company.ru")), StartsWith("235 "));
  wait_for_line("event=login command=PLAIN account=ann@company.ru");
  client.ask("MAIL FROM:<ann@company.ru>");
  EXPECT_THAT(client.ask("RCPT TO:<u@example.org>"), StartsWith("250 "));
  client.ask("RSET");
  const std::string mail = client.ask("MAIL FROM:<boss@company.ru>");
  EXPECT_THAT(mail.starts_with("250") ? client.ask("RCPT TO:<u@example.org>") : mail,
              StartsWith("553 5.7.1 "));
}

TEST_F(LoginServersTest, ManyRightLoginsAtOnceAreNoGuessing) {
  FakeDovecot dovecot("OK\t1\tuser=ann\n");
  std::ofstream(senders_) << "";
  start_with(dovecot);
  dovecot.hold();
  Client one(port());
  Client two(port());
  Client three(port());
  one.say(plain("ann"));
  two.say(plain("ann"));
  dovecot.wait_for_questions(2);
  EXPECT_THAT(three.ask(plain("ann")), StartsWith("454 4.7.0 "));
  dovecot.let_go();
  EXPECT_THAT(one.reply(), StartsWith("235 "));
  EXPECT_THAT(two.reply(), StartsWith("235 "));
  EXPECT_THAT(three.ask(plain("ann")), StartsWith("235 "));
}

}  // namespace
}  // namespace postern::gateway
