// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support.h"

#include <gtest/gtest.h>

#include <memory>

namespace postern::spool::test {

/// A spool whose writes are held back, and told how to end.
class GatedSpool : public ::testing::Test {
 protected:
  GatedSpool() { open(); }
  ~GatedSpool() override {
    store_->open_gate();
    store_->hold_reclaims(false);
  }
  void open(Options options = options_in()) {
    spool_.reset();
    auto store = std::make_unique<GatedStore>(map_);
    store_ = store.get();
    spool_ = std::make_unique<Spool>(std::move(store), nullptr, std::move(options));
  }
  /// A message in the group that stands before the closed gate.
  Committed stand() {
    store_->close_gate();
    Committed first = commit(*spool_, "first");
    store_->await_write();
    return first;
  }

  std::shared_ptr<MemoryStore> map_ = std::make_shared<MemoryStore>();
  GatedStore* store_ = nullptr;
  std::unique_ptr<Spool> spool_;
};

}  // namespace postern::spool::test
