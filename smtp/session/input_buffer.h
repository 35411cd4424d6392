// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace postern::smtp {

/// What a session has read and not yet used. Holds a block only while there is something in it: an
/// idle session costs no buffer, and one that waits in the middle of a line costs that line. Blocks
/// come from a free list of the thread, so a buffer must be used and destroyed on one thread.
class InputBuffer {
 public:
  /// Large enough that a megabyte takes few system calls, small enough to stay in the cache.
  static constexpr std::size_t kBlockOctets = std::size_t{64} << 10;
  /// More than this is not parked: it is worth a block.
  static constexpr std::size_t kParkedOctets = kBlockOctets / 4;

  /// What is at the front, where commands are expected (RFC 5321 2.3.8).
  struct Line {
    enum class Kind : std::uint8_t {
      unfinished,  ///< its end has not come
      complete,    ///< ends with CRLF
      bare_lf,     ///< ends with LF alone
      too_long,    ///< longer than the limit; what is at the front is its last part alone
    };
    Kind kind = Kind::unfinished;
    std::size_t octets = 0;  ///< with its line end; 0: unfinished

    /// Without its line end.
    std::string_view text(std::string_view front) const {
      return front.substr(0, octets - (kind == Kind::complete ? 2 : 1));
    }
  };

  InputBuffer() = default;
  ~InputBuffer() { release(); }
  InputBuffer(InputBuffer&&) = delete;
  InputBuffer& operator=(InputBuffer&&) = delete;

  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  std::string_view view() const {
    return block_ ? std::string_view(block_.get() + begin_, size()) : std::string_view();
  }
  /// The unused octets, for decoding in place.
  char* data() { return block_.get() + begin_; }

  /// The line at the front; whoever has used it consumes its octets. Of an unfinished one that is
  /// longer than `limit`, its line end included, nothing is held: the octets are given up until its
  /// end has come.
  Line next_line(std::size_t limit);

  /// Before a wait for more: when little is there, it moves to a place of its own size, and the
  /// block goes back. Views into the buffer end.
  void park();

  /// Room for the next read; what is there moves to the front when the room behind it is short.
  /// Empty only when a whole block is unused input.
  std::span<char> space();
  void commit(std::size_t octets) { end_ += octets; }
  /// Gives up the first `octets`; the block goes back when nothing is left.
  void consume(std::size_t octets);
  void clear() { consume(size()); }

 private:
  void take_block();
  void give_back();
  void release();

  std::unique_ptr<char[]> block_;  ///< of kBlockOctets, or parked: of as many octets as there are
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool parked_ = false;
  bool skipping_ = false;  ///< the line that is too long goes on
};

}  // namespace postern::smtp
