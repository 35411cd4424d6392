// SPDX-License-Identifier: Apache-2.0
#include "gateway/ids.h"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace postern::gateway {

std::string new_id() {
  // Microseconds since the epoch, but never the same twice: a burst runs ahead of the clock and
  // waits for nobody.
  static std::atomic<std::uint64_t> last{0};
  const auto now =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  std::uint64_t seen = last.load(std::memory_order_relaxed);
  std::uint64_t mine = 0;
  do {
    mine = now > seen ? now : seen + 1;
  } while (!last.compare_exchange_weak(seen, mine, std::memory_order_relaxed));
  static constexpr char kDigits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";  // Crockford: no I, L, O, U
  std::string out(11, '0');
  for (std::size_t i = out.size(); i-- > 0; mine >>= 5U)
    out[i] = kDigits[mine & 31U];
  return out;
}

}  // namespace postern::gateway
