// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/draft.h"

#include "queue/spool/awaiting.h"

#include <string>
#include <utility>

namespace postern::spool {

Draft::~Draft() {
  if (file_) file_->abandon();
  take_chunks();
}

std::vector<Chunk> Draft::take_chunks() {
  std::int64_t held = 0;
  for (const Chunk& chunk : chunks_)
    held += static_cast<std::int64_t>(chunk->size());
  if (held != 0) setup_.hold_memory(-held);
  return std::exchange(chunks_, {});
}

void Draft::keep(Chunk chunk) {
  setup_.hold_memory(static_cast<std::int64_t>(chunk->size()));
  chunks_.push_back(std::move(chunk));
}

void Draft::spill(Chunk chunk) {
  setup_.arrival.end();
  if (!file_) file_ = setup_.make_file(setup_.id);
  for (Chunk& kept : take_chunks())
    file_->append(std::move(kept));
  file_->append(std::move(chunk));
}

net::Awaitable<std::error_code> Draft::append(Chunk chunk) {
  if (!chunk || chunk->empty()) co_return std::error_code();
  octets_ += chunk->size();
  if (!setup_.make_file || octets_ <= setup_.spill_octets) {
    keep(std::move(chunk));
    co_return std::error_code();
  }
  spill(std::move(chunk));
  if (file_->unwritten() <= setup_.window_octets) co_return file_->error();
  auto start = [file = file_, limit = setup_.window_octets / 2](Done done) {
    file->when_below(limit, std::move(done));
  };
  const std::error_code error = co_await awaiting<std::error_code>(std::move(start));
  co_return error;
}

net::Awaitable<std::error_code> Draft::append(std::string_view copied) {
  Chunk chunk = std::make_shared<const std::string>(copied);
  const std::error_code error = co_await append(std::move(chunk));
  co_return error;
}

}  // namespace postern::spool
