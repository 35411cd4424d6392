// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/packed.h"

#include "queue/spool/errors.h"

#include <zstd.h>

namespace postern::spool {
namespace {

constexpr char kAsItIs = 0;
constexpr char kZstandard = 1;
// Fast: the committer has no time to lose, and text gives most of what it has at this level.
constexpr int kLevel = 1;
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

std::string_view Packer::pack(std::span<const std::string_view> parts) {
  raw_.assign(1, kAsItIs);
  for (const std::string_view part : parts)
    raw_ += part;
  const std::string_view body = std::string_view(raw_).substr(1);
  if (body.size() < kLeast || context_->zstd == nullptr) return raw_;
  packed_.resize(1 + ZSTD_compressBound(body.size()));
  packed_[0] = kZstandard;
  const std::size_t size = ZSTD_compressCCtx(
      context_->zstd, packed_.data() + 1, packed_.size() - 1, body.data(), body.size(), kLevel);
  // Below an eighth less it is not worth unpacking.
  if (ZSTD_isError(size) != 0 || size > body.size() - body.size() / 8) return raw_;
  return std::string_view(packed_).substr(0, size + 1);
}

std::string as_it_is(std::string_view body) {
  return std::string(1, kAsItIs).append(body);
}

Result<std::string> unpack(std::string_view packed) {
  if (packed.empty()) return make_error_code(Errc::damaged);
  const std::string_view octets = packed.substr(1);
  if (packed[0] == kAsItIs) return std::string(octets);
  if (packed[0] != kZstandard) return make_error_code(Errc::damaged);
  const unsigned long long size = ZSTD_getFrameContentSize(octets.data(), octets.size());
  if (size > kMost) return make_error_code(Errc::damaged);  // unknown and error are large numbers
  std::string out(size, '\0');
  const std::size_t got = ZSTD_decompress(out.data(), out.size(), octets.data(), octets.size());
  if (ZSTD_isError(got) != 0 || got != size) return make_error_code(Errc::damaged);
  return out;
}

}  // namespace postern::spool
