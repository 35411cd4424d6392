// SPDX-License-Identifier: Apache-2.0
#include "directories/bulk_directory.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace postern::directories {

using routing::DirectoryAnswer;
using routing::Presence;

BulkDirectory::BulkDirectory(const routing::Config& config, LoadAddresses load, Options options)
    : domains_(config.domains),
      index_(domains_),
      rules_{&index_, config.recipients.case_sensitive, config.recipients.delimiter},
      load_(std::move(load)),
      options_(std::move(options)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

BulkDirectory::~BulkDirectory() {
  thread_.request_stop();
  thread_.join();
}

std::shared_ptr<const BulkDirectory::Loaded> BulkDirectory::loaded() const {
  const std::lock_guard lock(mutex_);
  return loaded_;
}

std::string BulkDirectory::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

std::size_t BulkDirectory::size() const {
  const auto now = loaded();
  return now ? now->table.size() : 0;
}

bool BulkDirectory::await_first_load(std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, limit, [this] { return has_tried_; });
}

void BulkDirectory::refresh() {
  const std::lock_guard lock(mutex_);
  asked_ = true;
  wake_.notify_all();
}

DirectoryAnswer BulkDirectory::look_up_now(const smtp::Mailbox& mailbox) const {
  const std::shared_ptr<const Loaded> now = loaded();
  if (!now) return {Presence::unavailable, fmt::format("{}: {}", options_.name, problem())};
  const bool known = now->table.find(mailbox) != 0;
  return {known ? Presence::known : Presence::unknown,
          known ? now->evidence : "not in " + now->evidence};
}

net::Awaitable<DirectoryAnswer> BulkDirectory::look_up(smtp::Mailbox mailbox) const {
  co_return look_up_now(mailbox);
}

void BulkDirectory::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const bool good = load(stop);
    std::unique_lock lock(mutex_);
    has_tried_ = true;
    ended_.notify_all();
    const auto pause = good ? options_.refresh : std::min(options_.refresh, options_.retry);
    wake_.wait_for(lock, stop, pause, [this] { return asked_; });
    asked_ = false;
  }
}

void BulkDirectory::fail(std::string problem) {
  std::size_t kept = 0;
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    kept = loaded_ ? loaded_->table.size() : 0;
    is_new = problem != problem_;
    problem_ = problem;
  }
  if (!is_new || !options_.notice) return;
  options_.notice(
      kept == 0
          ? std::move(problem)
          : fmt::format("{}; the addresses of before stay in use ({} entries)", problem, kept));
}

bool BulkDirectory::load(const std::stop_token& stop) {
  auto fresh = std::make_shared<Loaded>(Loaded{routing::MailboxTable(rules_), {}});
  const auto count = load_([&](std::string_view address) { fresh->table.add_line(address); }, stop);
  if (stop.stop_requested()) return false;
  if (!count) {
    fail(count.error());
    return false;
  }
  const routing::MailboxTable& table = fresh->table;
  if (table.size() == 0 && !options_.may_be_empty) {
    fail(
        fmt::format("{}: no address of ours among {}: see base, filter, attributes and the "
                    "account's rights",
                    options_.name,
                    *count));
    return false;
  }
  const auto at = fmt::localtime(std::time(nullptr));
  fresh->evidence = fmt::format("{}, loaded {:%H:%M:%S}", options_.name, at);
  std::string line = fmt::format("{}: {} entries", options_.name, table.size());
  if (table.ignored() > 0) line += fmt::format(", {} addresses not of ours", table.ignored());
  {
    // The old table is freed outside the lock: readers must not wait for that.
    std::shared_ptr<const Loaded> next = std::move(fresh);
    const std::lock_guard lock(mutex_);
    loaded_.swap(next);
    problem_.clear();
  }
  if (options_.notice) options_.notice(line);
  return true;
}

}  // namespace postern::directories
