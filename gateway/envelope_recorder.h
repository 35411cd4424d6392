// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "gateway/recorded_envelope.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace postern::gateway {

/// Keeps the last envelopes in data_dir/envelopes (gateway/record_files.h), for `postern replay`.
/// record() never waits for the disk: another thread writes, and what it cannot keep up with is
/// dropped and counted. Nothing is synced: a crash of the process loses the last fraction of a
/// second, one of the machine perhaps more, and what is torn is passed over when it is read.
class EnvelopeRecorder {
 public:
  struct Options {
    std::string folder;               ///< made when it is not there, for its owner alone
    std::size_t envelopes = 0;        ///< so many at least are kept, and an eighth more at most
    std::size_t pending = 8UL << 20;  ///< octets that may wait to be written
    std::function<void(const std::string&)>
        on_trouble;  ///< a line for the log; the writer's thread
  };
  struct Stats {
    std::uint64_t recorded = 0;
    std::uint64_t dropped = 0;  ///< too large, or the disk was too slow or refused them
  };

  /// Ends the newest file behind its last whole record; where no envelopes are kept nothing is made
  /// or opened before the first one that is recorded all the same. The error is a sentence.
  static Result<std::unique_ptr<EnvelopeRecorder>, std::string> open(Options options);
  /// Writes what is left.
  ~EnvelopeRecorder();
  EnvelopeRecorder(const EnvelopeRecorder&) = delete;
  EnvelopeRecorder& operator=(const EnvelopeRecorder&) = delete;

  /// Any thread.
  void record(const RecordedEnvelope& envelope);
  /// From the next file on. Any thread.
  void keep(std::size_t envelopes);
  /// Returns when everything recorded before is in the file. Any thread but the writer's.
  void flush();
  Stats stats() const;
  const std::string& folder() const { return options_.folder; }

 private:
  /// What waits to be written.
  struct Batch {
    std::string octets;
    std::size_t envelopes = 0;
  };

  explicit EnvelopeRecorder(Options options);
  Result<void, std::string> open_newest();
  void run();
  void write(Batch batch);
  bool begin_file();
  bool append(const std::string& octets);
  void complain(const std::string& what);

  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable written_;
  // Below: under mutex_.
  Batch pending_;
  Stats stats_;
  std::uint64_t taken_ = 0;      ///< batches that the writer has begun
  std::uint64_t completed_ = 0;  ///< and ended
  unsigned waiting_ = 0;         ///< flush() calls
  bool stopping_ = false;
  std::size_t keep_ = 0;
  // Below: the writer's, once it runs.
  int fd_ = -1;
  std::uint64_t number_ = 0;  ///< of the file
  std::size_t in_file_ = 0;   ///< envelopes
  std::size_t octets_ = 0;    ///< of the file
  bool in_trouble_ = false;   ///< it has been said
  std::uint64_t told_drops_ = 0;
  std::thread thread_;  ///< last: it uses the others
};

}  // namespace postern::gateway
