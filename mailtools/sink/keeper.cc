// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/keeper.h"

#include "mailtools/sink/letter_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ostream>
#include <unistd.h>
#include <utility>

namespace postern::sink {

Result<std::unique_ptr<Keeper>, SinkError> Keeper::open(KeepOptions options, std::ostream& out) {
  std::unique_ptr<Keeper> made(new Keeper(std::move(options), out));
  const KeepOptions& set = made->options_;
  if (!set.maildir.empty()) {
    const std::string wrong = make_maildir(set.maildir);
    if (!wrong.empty()) return SinkError{wrong};
  }
  if (!set.jsonl.empty() && set.jsonl != "-") {
    made->file_ = std::fopen(set.jsonl.c_str(), "ae");
    if (made->file_ == nullptr)
      return SinkError{fmt::format("--jsonl {}: {}; write a file that this user can write to, or -",
                                   set.jsonl,
                                   std::strerror(errno))};
  }
  return made;
}

Keeper::~Keeper() {
  if (file_ != nullptr) std::fclose(file_);
}

std::unique_ptr<Writer> Keeper::keep(const Taken& begun) {
  const bool json = !options_.jsonl.empty() || options_.last;
  if (options_.maildir.empty() && !json) return nullptr;
  WriteOptions want;
  want.digest = json;
  want.content = options_.content ? kMostContent : 0;
  want.maildir = options_.maildir;
  if (!want.maildir.empty()) {
    const std::uint64_t number = number_.fetch_add(1, std::memory_order_relaxed) + 1;
    want.name = maildir_name(begun.when, ::getpid(), number, options_.hostname);
    want.fields = delivery_fields(begun);
  }
  return std::make_unique<LetterWriter>(std::move(want));
}

void Keeper::fail(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = why;
}

bool Keeper::taken(const Taken& letter) {
  auto* const writer = static_cast<LetterWriter*>(letter.writer);  // keep() makes no other
  Content content;
  if (writer != nullptr) {
    const std::string wrong = writer->finish();
    if (!wrong.empty()) {
      fail(wrong);
      return false;
    }
    content = writer->content();
  } else if (options_.lines) {
    content.subject = header_field(letter.head, "Subject");
  }
  std::string json;
  if (!options_.jsonl.empty()) json = json_line(letter, content);
  // A hundred of them are held: without their octets.
  content.has_octets = false;
  std::string held;
  if (options_.last) held = json_line(letter, content);
  std::string line;
  if (options_.lines) line = summary_line(letter, content.subject);
  if (json.empty() && line.empty() && held.empty()) return true;
  const std::lock_guard lock(mutex_);
  const std::string wrong = put(json, line);
  if (!wrong.empty()) {
    if (failure_.empty()) failure_ = wrong;
    // Its client is told that it was not taken.
    if (writer != nullptr) writer->withdraw();
    return false;
  }
  if (!options_.last) return true;
  last_.push_back(std::move(held));
  if (last_.size() > kLast) last_.pop_front();
  return true;
}

/// Under mutex_. Empty: done; else what went wrong.
std::string Keeper::put(const std::string& json, const std::string& line) {
  if (file_ != nullptr) {
    const std::string text = json + '\n';
    if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() || std::fflush(file_) != 0) {
      std::string wrong = options_.jsonl + ": " + std::strerror(errno);
      std::clearerr(file_);
      return wrong;
    }
  } else if (!options_.jsonl.empty()) {
    return put_out(json + '\n');
  }
  return options_.lines ? put_out(line + '\n') : std::string();
}

/// Under mutex_. Empty: done; else what went wrong.
std::string Keeper::put_out(const std::string& text) {
  // What failed before may work again: a disk has room, say.
  out_.clear();
  errno = 0;
  out_ << text << std::flush;
  if (out_) return {};
  if (errno == EPIPE && options_.gone && !std::exchange(gone_, true)) options_.gone();
  return fmt::format("standard output: {}", errno != 0 ? std::strerror(errno) : "write error");
}

bool Keeper::print(const std::string& text) {
  const std::lock_guard lock(mutex_);
  const std::string wrong = put_out(text);
  if (failure_.empty()) failure_ = wrong;
  return wrong.empty();
}

void Keeper::counted(std::uint64_t messages) {
  std::uint64_t before = counted_.load();
  while (before < messages && !counted_.compare_exchange_weak(before, messages)) {
  }
  // In one order with when_counted(): one of the two sees what the other has done.
  if (has_waiters_.load()) call_waiters();
}

void Keeper::call_waiters() {
  std::vector<Waiter> due;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t now = counted_.load();
    const auto begin = std::partition(
        waiters_.begin(), waiters_.end(), [now](const Waiter& w) { return w.messages > now; });
    due.assign(std::make_move_iterator(begin), std::make_move_iterator(waiters_.end()));
    waiters_.erase(begin, waiters_.end());
    has_waiters_.store(!waiters_.empty());
  }
  for (const Waiter& waiter : due)
    waiter.call();
}

std::uint64_t Keeper::when_counted(std::uint64_t messages, std::function<void()> call) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = ++last_waiter_;
    waiters_.push_back(Waiter{number, messages, std::move(call)});
    has_waiters_.store(true);
  }
  if (counted_.load() >= messages) call_waiters();
  return number;
}

void Keeper::forget(std::uint64_t waiter) {
  const std::lock_guard lock(mutex_);
  std::erase_if(waiters_, [waiter](const Waiter& w) { return w.number == waiter; });
  has_waiters_.store(!waiters_.empty());
}

std::vector<std::string> Keeper::last(std::size_t most) const {
  const std::lock_guard lock(mutex_);
  const std::size_t count = std::min(most, last_.size());
  return {last_.end() - static_cast<std::ptrdiff_t>(count), last_.end()};
}

std::string Keeper::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace postern::sink
