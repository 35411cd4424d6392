// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <sys/mman.h>

namespace postern {

/// Memory for tables that are read at random: of some size on it comes from the system in large
/// pages where the system has them for whoever asks (transparent huge pages, madvise(2)), so that a
/// look-up waits for its data alone and not for page tables, too; and it goes back to the system
/// when it is freed. Below that it is the usual one. For standard containers.
template <class T>
struct LargePageAllocator {
  using value_type = T;

  LargePageAllocator() = default;
  template <class U>
  LargePageAllocator(const LargePageAllocator<U>& /*other*/) {}  // NOLINT: as containers convert it

  T* allocate(std::size_t n) {
    if (n > static_cast<std::size_t>(-1) / sizeof(T) - kPage) throw std::bad_alloc();
    const std::size_t size = n * sizeof(T);
    return size < kLarge ? std::allocator<T>().allocate(n) : static_cast<T*>(map(whole(size)));
  }
  void deallocate(T* p, std::size_t n) {
    const std::size_t size = n * sizeof(T);
    if (size < kLarge) return std::allocator<T>().deallocate(p, n);
    ::munmap(p, whole(size));
  }
  friend bool operator==(const LargePageAllocator&, const LargePageAllocator&) { return true; }

 private:
  static constexpr std::size_t kPage = std::size_t{2} << 20U;
  static constexpr std::size_t kLarge = 2 * kPage;

  static std::size_t whole(std::size_t size) { return (size + kPage - 1) / kPage * kPage; }
  /// `size`, whole pages, at the begin of a page.
  static void* map(std::size_t size) {
    constexpr int kAccess = PROT_READ | PROT_WRITE;
    void* const got = ::mmap(nullptr, size + kPage, kAccess, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) throw std::bad_alloc();
    void* begin = got;
    std::size_t room = size + kPage;
    std::align(kPage, size, begin, room);
    const std::size_t before = size + kPage - room;
    if (before > 0) ::munmap(got, before);
    if (room > size) ::munmap(static_cast<char*>(begin) + size, room - size);
    ::madvise(begin, size, MADV_HUGEPAGE);  // a wish: without them it works as well
    return begin;
  }
};

}  // namespace postern
