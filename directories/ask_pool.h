// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/asker.h"
#include "directories/source.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace postern::directories {

/// Threads that each own a Source and ask it by blocking calls, so that no io thread ever blocks.
/// A thread is started when a question finds none idle. ask() by any thread.
class AskPool final : public Asker {
 public:
  struct Options {
    std::string name;                       ///< "ldap ad": for evidence
    unsigned threads = 4;                   ///< questions at a time
    std::size_t waiting = 1000;             ///< questions that wait; beyond: unavailable at once
    std::chrono::milliseconds limit{5000};  ///< a question that waited so long is not asked
  };

  AskPool(SourceFactory make, Options options);
  /// Drops what waits (`unavailable`) and waits for nobody: a thread that is in the middle of a
  /// question ends behind it (join_leftover_threads).
  ~AskPool() override;
  AskPool(AskPool&&) = delete;

  void ask(smtp::Mailbox address, net::Executor io, Done done) override;

 private:
  struct State;
  static void run(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

/// Waits for threads of pools that are gone; they end within their source's time limit. Called at
/// the end of a program, so that no library is unloaded below them.
void join_leftover_threads();

}  // namespace postern::directories
