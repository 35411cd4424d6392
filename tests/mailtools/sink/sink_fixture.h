// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/sink/sink.h"
#include "support/wire.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace postern::sink {

/// What a sink has told of one letter.
struct SeenLetter {
  std::string from;
  std::vector<std::string> to;
  std::string helo;
  std::string identity;
  std::string tls;
  std::string head;
  std::string octets;  ///< all that the writer got
  std::uint64_t size = 0;
  bool by_chunks = false;
  smtp::ContentViolations violations;
};

/// Holds letters. Any thread.
class Seeing final : public Observer {
 public:
  std::unique_ptr<Writer> keep(const Taken& /*begun*/) override {
    if (!wants_octets) return nullptr;
    return std::make_unique<Octets>();
  }
  bool taken(const Taken& letter) override {
    SeenLetter seen;
    seen.from = letter.sender.path.text();
    for (const smtp::Recipient& one : letter.recipients)
      seen.to.push_back(one.address.text());
    seen.helo = std::string(letter.helo);
    seen.identity = std::string(letter.identity);
    if (letter.tls != nullptr) seen.tls = letter.tls->version;
    seen.head = std::string(letter.head);
    if (letter.writer != nullptr) seen.octets = static_cast<Octets*>(letter.writer)->all;
    seen.size = letter.octets;
    seen.by_chunks = letter.by_chunks;
    seen.violations = letter.violations;
    const std::lock_guard lock(mutex_);
    letters_.push_back(std::move(seen));
    return !is_full;
  }
  std::vector<SeenLetter> letters() const {
    const std::lock_guard lock(mutex_);
    return letters_;
  }

  // Set before a sink begins.
  bool wants_octets = true;
  bool is_full = false;

 private:
  struct Octets final : Writer {
    void write(std::string_view octets) override { all += octets; }
    std::string all;
  };
  mutable std::mutex mutex_;
  std::vector<SeenLetter> letters_;
};

/// A client that reads whole replies.
class Caller {
 public:
  explicit Caller(const net::Endpoint& sink)
      : wire_(test::Wire::connect(sink.address().to_string(), sink.port())) {}

  bool is_connected() const { return wire_ != nullptr; }
  test::Wire& wire() { return *wire_; }
  void send(std::string_view octets) { wire_->write(octets); }
  /// One reply, lines joined by '\n'; "" when the sink has closed.
  std::string reply() {
    std::string out;
    for (;;) {
      const std::optional<std::string> line = wire_->line();
      if (!line) return {};
      if (!out.empty()) out += '\n';
      out += *line;
      if (line->size() < 4 || (*line)[3] != '-') return out;
    }
  }
  std::string ask(const std::string& line) {
    send(line + "\r\n");
    return reply();
  }
  /// Code alone.
  std::string code(const std::string& line) { return ask(line).substr(0, 3); }

 private:
  std::unique_ptr<test::Wire> wire_;
};

/// Waits for the end of the connection; a connection that is silent is no closed one. An RST may
/// come before connect() has returned.
inline bool is_closed(Caller& caller) {
  return !caller.is_connected() || (!caller.wire().line() && caller.wire().has_ended());
}

class SinkTest : public ::testing::Test {
 protected:
  SinkTest() {
    options.listen = {net::Endpoint(boost::asio::ip::make_address("127.0.0.1"), 0)};
    options.hostname = "sink.test";
  }
  /// A fault of the options.
  void with(std::string_view kind, std::string_view spec) {
    Result<Fault, FaultError> fault = parse_fault(kind, spec);
    ASSERT_TRUE(fault) << fault.error().text;
    options.faults.push_back(*std::move(fault));
  }
  /// One of the sink that runs.
  void now_with(std::string_view kind, std::string_view spec) {
    Result<Fault, FaultError> fault = parse_fault(kind, spec);
    ASSERT_TRUE(fault) << fault.error().text;
    ASSERT_NE(sink->faults().add(*std::move(fault)), 0U);
  }
  void start() {
    auto started = Sink::start(options, &seeing);
    ASSERT_TRUE(started) << started.error().text;
    sink = *std::move(started);
  }
  Caller call() const { return Caller(sink->endpoints().front()); }
  /// Behind the greeting and EHLO.
  Caller greeted() const {
    Caller out = call();
    EXPECT_EQ(out.reply().substr(0, 4), "220 ");
    EXPECT_EQ(out.code("EHLO client.test"), "250");
    return out;
  }
  static std::string letter_codes(Caller& caller,
                                  const std::string& to = "b@y.ru",
                                  const std::string& from = "a@x.ru") {
    std::string out = caller.code("MAIL FROM:<" + from + ">");
    out += " " + caller.code("RCPT TO:<" + to + ">");
    out += " " + caller.code("DATA");
    if (out.substr(out.size() - 3) != "354") return out;
    return out + " " + caller.code("Subject: x\r\n\r\nhello\r\n.");
  }

  SinkOptions options;
  Seeing seeing;
  std::unique_ptr<Sink> sink;
};

}  // namespace postern::sink
