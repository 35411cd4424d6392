// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/packed.h"

#include "queue/spool/errors.h"

#include <algorithm>
#include <zstd.h>

namespace postern::spool {
namespace {

constexpr char kAsItIs = 0;
constexpr char kZstandard = 1;
// Fast: the committer has no time to lose, and text gives most of what it has at this level.
constexpr int kLevel = 1;
// Two thirds of its time, for a body of which every line is like the one before.
constexpr int kLeastLevel = -1;
// One that does not shrink to so small a part of itself is tried with more effort.
constexpr std::size_t kRepeats = 4;
// Shorter ones gain nothing that is worth the call.
constexpr std::size_t kLeast = 256;
// What no body in the database has: larger ones are files.
constexpr unsigned long long kMost = 64ULL << 20;

}  // namespace

struct Packer::Context {
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  ~Context() { ZSTD_freeCCtx(zstd); }
};

Packer::Packer() : context_(std::make_unique<Context>()) {}

Packer::~Packer() = default;

/// A frame behind those that are there. False: it is not to be packed.
bool Packer::add_frame(std::string_view octets, int level) {
  const std::size_t room = used_ + ZSTD_compressBound(octets.size());
  if (packed_.size() < room) packed_.resize(room);
  const std::size_t size = ZSTD_compressCCtx(context_->zstd,
                                             packed_.data() + used_,
                                             packed_.size() - used_,
                                             octets.data(),
                                             octets.size(),
                                             level);
  if (ZSTD_isError(size) != 0) return false;
  used_ += size;
  return true;
}

std::string_view Packer::pack(std::span<const std::string_view> parts, Kind kind) {
  packed_.resize(std::max<std::size_t>(packed_.size(), 1));
  packed_[0] = kZstandard;
  used_ = 1;
  std::size_t octets = 0;
  bool packs = context_->zstd != nullptr;
  if (kind == Kind::repeats) {
    // Each part in a frame of its own: together they would have to be copied first.
    for (const std::string_view part : parts) {
      packs = packs && add_frame(part, kLeastLevel);
      octets += part.size();
    }
    if (packs && used_ <= octets / kRepeats) return std::string_view(packed_).substr(0, used_);
  }
  raw_.assign(1, kAsItIs);
  for (const std::string_view part : parts)
    raw_ += part;
  const std::string_view body = std::string_view(raw_).substr(1);
  if (!packs || body.size() < kLeast) return raw_;
  used_ = 1;
  // Below an eighth less it is not worth unpacking.
  if (!add_frame(body, kLevel) || used_ > body.size() - body.size() / 8) return raw_;
  return std::string_view(packed_).substr(0, used_);
}

std::string as_it_is(std::string_view body) {
  return std::string(1, kAsItIs).append(body);
}

Result<std::string> unpack(std::string_view packed) {
  if (packed.empty()) return make_error_code(Errc::damaged);
  const std::string_view octets = packed.substr(1);
  if (packed[0] == kAsItIs) return std::string(octets);
  if (packed[0] != kZstandard || octets.empty()) return make_error_code(Errc::damaged);
  unsigned long long size = 0;
  for (std::string_view rest = octets; !rest.empty();) {
    const unsigned long long one = ZSTD_getFrameContentSize(rest.data(), rest.size());
    const std::size_t frame = ZSTD_findFrameCompressedSize(rest.data(), rest.size());
    // Unknown and error are large numbers.
    if (one > kMost || ZSTD_isError(frame) != 0 || frame > rest.size())
      return make_error_code(Errc::damaged);
    size += one;
    if (size > kMost) return make_error_code(Errc::damaged);
    rest.remove_prefix(frame);
  }
  std::string out(size, '\0');
  const std::size_t got = ZSTD_decompress(out.data(), out.size(), octets.data(), octets.size());
  if (ZSTD_isError(got) != 0 || got != size) return make_error_code(Errc::damaged);
  return out;
}

}  // namespace postern::spool
