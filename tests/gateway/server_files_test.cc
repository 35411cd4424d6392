// SPDX-License-Identifier: Apache-2.0
// A file that the config names is on a disk that does not answer.
#include "server_fixture.h"
#include "tests/tls/test_certificate.h"

#include <fmt/format.h>

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <future>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace postern::gateway {
namespace {

constexpr const char* kSmallLetter = "Subject: x\r\n\r\ntext\r\n";
constexpr std::chrono::seconds kLongWait{30};

template <class Condition>
bool comes_true(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + kLongWait;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// A file's name behind which is a pipe from now on: reading it waits until the object is gone, or
/// lets it go.
class StuckFile {
 public:
  explicit StuckFile(const std::string& path) : path_(path) {
    const std::string pipe = path + ".pipe";
    EXPECT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::filesystem::rename(pipe, path);
  }
  ~StuckFile() { let_go(); }
  StuckFile(StuckFile&&) = delete;

  /// Waits until somebody has opened it; who reads it then waits for this end's octets.
  bool is_being_read() {
    return comes_true([this] {
      writer_ = ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      return writer_ >= 0;
    });
  }
  void let_go() {
    // Gone first: another look must not wait for it again.
    std::filesystem::remove(path_);
    if (writer_ >= 0) ::close(writer_);
    writer_ = -1;
  }

 private:
  const std::string path_;
  int writer_ = -1;
};

class StuckFileTest : public ServerTest {
 protected:
  StuckFileTest() {
    setup.listener = "tls = \"starttls\"";
    setup.after = fmt::format(
        "[tls]\ncertificates = [{{ cert = \"{}\", key = \"{}\" }}]\n", pair_.cert, pair_.key);
    setup.watch = std::chrono::milliseconds(1);
    setup.settle = std::chrono::milliseconds(0);
  }

  const test::TemporaryDirectory directory_;
  const tls::KeyPair pair_ =
      test::make_certificate(directory_, "gw.company.ru", test::KeyType::ecdsa);
};

TEST_F(StuckFileTest, HoldsUpNeitherClientsNorTheStop) {
  start();
  StuckFile stuck(pair_.cert);
  ASSERT_TRUE(stuck.is_being_read());
  auto sending = std::async(std::launch::async, [this] {
    return client().send("a@corp.com", {"u@tech.company.ru"}, kSmallLetter).delivered();
  });
  EXPECT_EQ(sending.wait_for(kLongWait), std::future_status::ready) << "no client is served";
  stop();
  auto stopping = std::async(std::launch::async, [this] { join(); });
  if (stopping.wait_for(kLongWait) == std::future_status::ready) {
    destroy();
    EXPECT_FALSE(served().expired()) << "nothing reads the file any more";
  } else {
    ADD_FAILURE() << "the stop waits for the file";
  }
  stuck.let_go();
  stopping.get();
  EXPECT_TRUE(sending.get());
  destroy();
  EXPECT_TRUE(comes_true([this] { return served().expired(); })) << "what was left behind stays";
}

TEST_F(StuckFileTest, IsTakenWhenItAnswersAgain) {
  start();
  {
    StuckFile stuck(pair_.cert);
    ASSERT_TRUE(stuck.is_being_read());
  }
  const tls::KeyPair next =
      test::make_certificate(directory_, {.names = "DNS:gw.company.ru", .stem = "next"});
  const std::string fingerprint = tls::read_certificate(next.cert)->fingerprint;
  std::filesystem::rename(next.cert, pair_.cert);
  std::filesystem::rename(next.key, pair_.key);
  const auto is_taken = [&] {
    return served().lock()->certificates().at(0).fingerprint == fingerprint;
  };
  EXPECT_TRUE(comes_true(is_taken));
}

}  // namespace
}  // namespace postern::gateway
