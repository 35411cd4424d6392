// SPDX-License-Identifier: Apache-2.0
#include "auth/dovecot_source.h"

#include "base/base64.h"

#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace postern::auth {
namespace {

using L = DovecotLine;
using V = PasswordVerdict;

TEST(DovecotLines, AreReadAsTheProtocolHasThem) {
  const std::pair<const char*, L> lines[] = {
      {"VERSION\t1\t2",                       L::other        },
      {"VERSION\t2\t0",                       L::wrong_version},
      {"VERSION",                             L::wrong_version},
      {"MECH\tPLAIN\tplaintext",              L::other        },
      {"SPID\t17",                            L::other        },
      {"",                                    L::other        },
      {"DONE",                                L::greeting_done},
      {"OK\t1\tuser=ann",                     L::right        },
      {"OK\t2\tuser=ann",                     L::other        },
      {"OK",                                  L::other        },
      {"OKAY\t1",                             L::other        },
      {"FAIL\t1\tuser=ann",                   L::wrong        },
      {"FAIL\t1",                             L::wrong        },
      {"FAIL\t1\tuser=ann\ttemp",             L::unavailable  },
      {"FAIL\t1\tcode=temp_fail\treason=...", L::unavailable  },
      {"CONT\t1\t",                           L::unavailable  }
  };
  for (const auto& [line, meaning] : lines)
    EXPECT_EQ(read_dovecot_line(line), meaning) << line;
}

TEST(DovecotLines, SayWhoseTheyAre) {
  EXPECT_EQ(dovecot_user("OK\t1\tuser=ann"), "ann");
  EXPECT_EQ(dovecot_user("OK\t1\tnouser=x\tuser=ann@x.ru\tuser=bob"), "ann@x.ru");
  for (const char* line : {"OK\t1", "OK\t1\tuser=", "OK\t1\tuser", "OK\t1\tuser=a b", ""})
    EXPECT_EQ(dovecot_user(line), "") << line;
}

/// Accepts one client, waits for `expected` in what it says, and answers.
class Peer {
 public:
  Peer(std::string greeting, std::string answer)
      : greeting_(std::move(greeting)), answer_(std::move(answer)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (::mkdtemp(folder_) == nullptr) throw std::runtime_error("mkdtemp");
    std::memcpy(address.sun_path, path().data(), path().size());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 1) != 0)
      throw std::runtime_error("no Unix socket");
    thread_ = std::thread([this] { serve(); });
  }
  ~Peer() {
    join();
    ::close(listener_);
    ::unlink(path().c_str());
    ::rmdir(folder_);
  }
  Peer(Peer&&) = delete;

  std::string path() const { return std::string(folder_) + "/auth"; }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  std::string heard;  ///< read it behind join()

 private:
  void serve() {
    const int client = ::accept(listener_, nullptr, nullptr);
    ::send(client, greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
    char block[4096];
    while (heard.find("resp=") == std::string::npos) {
      const ssize_t n = ::recv(client, block, sizeof block, 0);
      if (n <= 0) break;
      heard.append(block, static_cast<std::size_t>(n));
    }
    ::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    ::shutdown(client, SHUT_WR);
    while (::recv(client, block, sizeof block, 0) > 0) {
    }
    ::close(client);
  }

  const std::string greeting_;
  const std::string answer_;
  char folder_[32] = "/tmp/postern-dovecot-XXXXXX";
  int listener_ = -1;
  std::thread thread_;
};

const std::string kGreeting = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t2\nDONE\n";

Login login() {
  return {"ann", "se\tcret", *parse_ip("203.0.113.7"), true};
}

TEST(DovecotSource, AsksAndBelievesTheAnswer) {
  Peer peer(kGreeting, "OK\t1\tuser=Ann@company.ru\tnologin\n");
  const Checked checked = DovecotSource(peer.path()).check(login());
  EXPECT_EQ(checked.verdict, V::right);
  EXPECT_EQ(checked.name, "Ann@company.ru");
  peer.join();
  EXPECT_EQ(peer.heard.substr(0, 18), "VERSION\t1\t1\nCPID\t1");
  const std::string message = to_base64(std::string("\0ann\0se\tcret", 12));
  EXPECT_TRUE(peer.heard.ends_with(
      "\nAUTH\t1\tPLAIN\tservice=smtp\tsecured\trip=203.0.113.7\tno-penalty\tresp=" + message +
      "\n"))
      << peer.heard;
}

TEST(DovecotSource, AFailureIsOneAndSilenceIsNone) {
  Peer wrong(kGreeting, "FAIL\t1\tuser=ann\n");
  EXPECT_EQ(DovecotSource(wrong.path()).check(login()).verdict, V::wrong);
  Peer named(kGreeting, "FAIL\t1\tuser=Ann@x.ru\n");
  EXPECT_EQ(DovecotSource(named.path()).check(login()).name, "Ann@x.ru");
  // Whose password it is that is right, nobody knows.
  Peer nameless(kGreeting, "OK\t1\n");
  EXPECT_EQ(DovecotSource(nameless.path()).check(login()).verdict, V::unavailable);
  Peer temporary(kGreeting, "FAIL\t1\tuser=ann\ttemp\n");
  EXPECT_EQ(DovecotSource(temporary.path()).check(login()).verdict, V::unavailable);
  Peer closes(kGreeting, "");
  EXPECT_EQ(DovecotSource(closes.path()).check(login()).verdict, V::unavailable);
  EXPECT_EQ(DovecotSource("/no/such/socket").check(login()).verdict, V::unavailable);
  EXPECT_EQ(DovecotSource(std::string(500, 'x')).check(login()).verdict, V::unavailable);
}

TEST(DovecotSource, ReadsNoFurtherThanItsBounds) {
  Peer endless(std::string(100'000, 'x'), "");
  EXPECT_EQ(DovecotSource(endless.path()).check(login()).verdict, V::unavailable);
  Peer other("VERSION\t9\t0\nDONE\n", "OK\t1\n");
  EXPECT_EQ(DovecotSource(other.path()).check(login()).verdict, V::unavailable);
  Peer early("OK\t1\tuser=ann\nVERSION\t1\t2\nDONE\n", "FAIL\t1\n");
  EXPECT_EQ(DovecotSource(early.path()).check(login()).verdict, V::wrong);
}

}  // namespace
}  // namespace postern::auth
