// SPDX-License-Identifier: Apache-2.0
// Debian's RocksDB is not instrumented: ThreadSanitizer sees the memcpy of its lock-free structures
// and not the atomics that order them.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1";
}
#endif
#endif
