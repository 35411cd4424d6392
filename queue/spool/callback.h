// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace postern::spool {

template <class Signature>
class Callback;

/// Something that is called once, later, and may own what cannot be copied (std::move_only_function
/// of C++23, the part that is needed). Empty until assigned; calling it empties it.
template <class... Args>
class Callback<void(Args...)> {
 public:
  Callback() = default;
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, Callback>) &&
      std::invocable<F&, Args...> Callback(F&& f)  // NOLINT: a function is a callback
      : call_(std::make_unique<Holder<std::decay_t<F>>>(std::forward<F>(f))) {}

  explicit operator bool() const { return call_ != nullptr; }
  void operator()(Args... args) {
    const std::unique_ptr<Base> once = std::move(call_);
    once->call(std::forward<Args>(args)...);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void call(Args... args) = 0;
  };
  template <class F>
  struct Holder final : Base {
    explicit Holder(F&& function) : f(std::move(function)) {}
    explicit Holder(const F& function) : f(function) {}
    void call(Args... args) override { f(std::forward<Args>(args)...); }
    F f;
  };
  std::unique_ptr<Base> call_;
};

/// What a write's outcome is told to; which thread calls it is said where it is given.
using Done = Callback<void(std::error_code)>;

}  // namespace postern::spool
