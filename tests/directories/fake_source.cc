// SPDX-License-Identifier: Apache-2.0
#include "tests/directories/fake_source.h"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace postern::directories::testing {

using routing::DirectoryAnswer;
using routing::Presence;

routing::Config two_domains() {
  routing::Config config;
  routing::Domain company;
  company.name = "company.ru";
  company.aliases = {"tech.company.ru"};
  routing::Domain plant;
  plant.name = "plant.ru";
  config.domains = {company, plant};
  return config;
}

smtp::Mailbox mailbox(std::string_view text) {
  const std::size_t at = text.rfind('@');
  return smtp::Mailbox(text.substr(0, at), text.substr(at + 1));
}

DirectoryAnswer run(const routing::Directory& directory, std::string_view address) {
  net::IoContext io(1);
  DirectoryAnswer out;
  std::exception_ptr thrown;
  net::asio::co_spawn(io.get_executor(),
                      directory.look_up(mailbox(address)),
                      [&](std::exception_ptr error, DirectoryAnswer answer) {
                        thrown = error;
                        out = std::move(answer);
                      });
  io.run();
  if (thrown) std::rethrow_exception(thrown);
  return out;
}

void FakeServer::knows(std::string address) {
  const std::lock_guard lock(mutex_);
  known_[std::move(address)] = true;
}

void FakeServer::is_down(bool down) {
  const std::lock_guard lock(mutex_);
  down_ = down;
}

void FakeServer::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void FakeServer::let_go() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  changed_.notify_all();
}

DirectoryAnswer FakeServer::answer(const smtp::Mailbox& address) {
  std::unique_lock lock(mutex_);
  asked_.push_back(address.text());
  changed_.notify_all();
  changed_.wait(lock, [this] { return !held_; });
  if (down_) return {Presence::unavailable, "ldap ad (dc1): cannot connect"};
  if (known_.contains(address.text())) return {Presence::known, "ldap ad (dc1)"};
  return {Presence::unknown, "ldap ad (dc1): no entry"};
}

SourceFactory FakeServer::source() {
  class One final : public Source {
   public:
    explicit One(FakeServer& server) : server_(server) {}
    DirectoryAnswer look_up(const smtp::Mailbox& address) override {
      return server_.answer(address);
    }

   private:
    FakeServer& server_;
  };
  return [this] { return std::make_unique<One>(*this); };
}

std::vector<std::string> FakeServer::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void FakeServer::wait_for_questions(std::size_t count) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return asked_.size() >= count; });
}

}  // namespace postern::directories::testing
