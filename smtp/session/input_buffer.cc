// SPDX-License-Identifier: Apache-2.0
#include "smtp/session/input_buffer.h"

#include <utility>

namespace postern::smtp {
namespace {

/// Blocks that no session of this thread holds. Bounded: what a burst of sessions needed goes back
/// to the heap.
struct FreeBlocks {
  static constexpr std::size_t kKept = 32;
  std::vector<std::unique_ptr<char[]>> blocks;
};

FreeBlocks& free_blocks() {
  thread_local FreeBlocks instance;
  return instance;
}

}  // namespace

void InputBuffer::take_block() {
  std::vector<std::unique_ptr<char[]>>& blocks = free_blocks().blocks;
  if (blocks.empty()) {
    block_.reset(new char[kBlockOctets]);  // NOLINT: make_unique would clear it
  } else {
    block_ = std::move(blocks.back());
    blocks.pop_back();
  }
}

void InputBuffer::give_back() {
  if (block_ && !parked_ && free_blocks().blocks.size() < FreeBlocks::kKept)
    free_blocks().blocks.push_back(std::move(block_));
  block_.reset();
  parked_ = false;
}

void InputBuffer::park() {
  const std::size_t octets = size();
  if (octets == 0 || octets > kParkedOctets || parked_) return;
  std::unique_ptr<char[]> own(new char[octets]);  // NOLINT: as above
  std::memcpy(own.get(), data(), octets);
  give_back();
  block_ = std::move(own);
  begin_ = 0;
  end_ = octets;
  parked_ = true;
}

std::span<char> InputBuffer::space() {
  if (parked_) {
    const std::unique_ptr<char[]> own = std::move(block_);
    take_block();
    std::memcpy(block_.get(), own.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
    parked_ = false;
  } else if (!block_) {
    take_block();
  }
  if (begin_ > 0 && kBlockOctets - end_ < kBlockOctets / 4) {
    std::memmove(block_.get(), block_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  }
  return {block_.get() + end_, kBlockOctets - end_};
}

InputBuffer::Line InputBuffer::next_line(std::size_t limit) {
  const std::string_view have = view();
  const std::size_t lf = have.find('\n');
  if (lf == std::string_view::npos) {
    if (have.size() > limit) {
      skipping_ = true;
      clear();
    }
    return {};
  }
  const std::size_t octets = lf + 1;
  if (std::exchange(skipping_, false) || octets > limit) return {Line::Kind::too_long, octets};
  const bool crlf = lf > 0 && have[lf - 1] == '\r';
  return {crlf ? Line::Kind::complete : Line::Kind::bare_lf, octets};
}

void InputBuffer::consume(std::size_t octets) {
  begin_ += octets;
  if (begin_ == end_) release();
}

void InputBuffer::release() {
  begin_ = end_ = 0;
  give_back();
}

}  // namespace postern::smtp
