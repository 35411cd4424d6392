// SPDX-License-Identifier: Apache-2.0
#include "gateway/envelope_recorder.h"

#include "gateway/record_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace postern::gateway {
namespace {

namespace fs = std::filesystem;

/// Envelopes of so long go into one write, unless somebody waits.
constexpr std::chrono::milliseconds kGather{50};
/// A file takes so many octets for each envelope that it may hold: what bounds the folder when
/// letters have hundreds of recipients.
constexpr std::size_t kOctetsEach = 1024;
constexpr std::size_t kLeastFile = 64UL << 10;

std::size_t envelopes_a_file(std::size_t keep) {
  return std::max<std::size_t>(1, (keep + kRecordFiles - 1) / kRecordFiles);
}

std::string path_of(const std::string& folder, std::uint64_t number) {
  return folder + "/" + record_file_name(number);
}

/// For its owner alone.
std::error_code make_folder(const std::string& folder) {
  std::error_code ec;
  if (fs::create_directories(folder, ec)) fs::permissions(folder, fs::perms::owner_all, ec);
  return ec;
}

std::string system_error() {
  return std::strerror(errno);
}

}  // namespace

EnvelopeRecorder::EnvelopeRecorder(Options options)
    : options_(std::move(options)), keep_(options_.envelopes) {}

Result<std::unique_ptr<EnvelopeRecorder>, std::string> EnvelopeRecorder::open(Options options) {
  std::unique_ptr<EnvelopeRecorder> out(new EnvelopeRecorder(std::move(options)));
  if (out->keep_ != 0) {
    const Result<void, std::string> opened = out->open_newest();
    if (!opened) return opened.error();
  }
  out->thread_ = std::thread([raw = out.get()] { raw->run(); });
  return out;
}

Result<void, std::string> EnvelopeRecorder::open_newest() {
  const std::string& folder = options_.folder;
  if (const std::error_code ec = make_folder(folder)) {
    return fmt::format("cannot make {}: {}", folder, ec.message());
  }
  const std::vector<std::uint64_t> files = record_files(folder);
  number_ = files.empty() ? 1 : files.back();
  const std::string path = path_of(folder, number_);
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd_ < 0) return fmt::format("cannot open {}: {}", path, system_error());
  in_file_ = 0;
  std::ifstream in(path, std::ios::binary);
  const std::string octets((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  RecordReader reader(octets);
  while (reader.skip())
    ++in_file_;
  octets_ = reader.position();
  // What a crash has cut short would stand between two records for ever.
  if (octets_ == octets.size() || ::ftruncate(fd_, static_cast<off_t>(octets_)) == 0) return {};
  std::string why = fmt::format("cannot write {}: {}", path, system_error());
  ::close(std::exchange(fd_, -1));
  return why;
}

EnvelopeRecorder::~EnvelopeRecorder() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (fd_ >= 0) ::close(fd_);
}

void EnvelopeRecorder::record(const RecordedEnvelope& envelope) {
  std::string octets;
  append_record(envelope, octets);
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    if (octets.size() > kMostRecord || pending_.octets.size() + octets.size() > options_.pending) {
      ++stats_.dropped;
      return;
    }
    first = pending_.envelopes == 0;
    pending_.octets += octets;
    ++pending_.envelopes;
  }
  if (first) wake_.notify_one();
}

void EnvelopeRecorder::keep(std::size_t envelopes) {
  // Who reads it from now on finds that nothing is recorded yet, not that nothing is there. What
  // fails here is told with the first envelope.
  if (envelopes != 0) make_folder(options_.folder);
  const std::scoped_lock lock(mutex_);
  keep_ = envelopes;
}

void EnvelopeRecorder::flush() {
  std::unique_lock lock(mutex_);
  // A batch that was begun before may not have them: the one behind it has.
  const std::uint64_t until = taken_ + (pending_.envelopes != 0 ? 1 : 0);
  ++waiting_;
  wake_.notify_all();
  written_.wait(lock, [this, until] { return completed_ >= until; });
  --waiting_;
}

EnvelopeRecorder::Stats EnvelopeRecorder::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

void EnvelopeRecorder::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return pending_.envelopes != 0 || stopping_; });
    if (pending_.envelopes == 0) return;
    wake_.wait_for(lock, kGather, [this] {
      return stopping_ || waiting_ != 0 || pending_.octets.size() > options_.pending / 2;
    });
    Batch batch = std::exchange(pending_, {});
    ++taken_;
    lock.unlock();
    write(std::move(batch));
    lock.lock();
    ++completed_;
    const std::uint64_t dropped = stats_.dropped;
    if (dropped > told_drops_ && !in_trouble_ && options_.on_trouble) {
      lock.unlock();
      options_.on_trouble(
          fmt::format("{} envelopes were not recorded: the disk is too slow, or "
                      "they are too large",
                      dropped - told_drops_));
      lock.lock();
    }
    told_drops_ = dropped;
    written_.notify_all();
  }
}

/// Record by record only where a file ends among them: a batch is one write.
void EnvelopeRecorder::write(Batch batch) {
  if (fd_ < 0) {
    if (const Result<void, std::string> opened = open_newest(); !opened) {
      complain(opened.error());
      const std::scoped_lock lock(mutex_);
      stats_.dropped += batch.envelopes;
      return;
    }
  }
  RecordReader reader(batch.octets);
  std::size_t begun = 0;  // octets of the batch that are in files
  std::uint64_t kept = 0;
  std::size_t in_write = 0;
  std::size_t keep = 0;
  {
    const std::scoped_lock lock(mutex_);
    keep = keep_;
  }
  const std::size_t most = envelopes_a_file(keep);
  const auto write_up_to = [&](std::size_t end) {
    if (append(batch.octets.substr(begun, end - begun))) kept += in_write;
    begun = end;
    in_write = 0;
  };
  while (reader.skip()) {
    ++in_file_;
    ++in_write;
    const std::size_t octets = octets_ + reader.position() - begun;
    if (in_file_ < most && octets < std::max(kLeastFile, most * kOctetsEach)) continue;
    write_up_to(reader.position());
    begin_file();
  }
  if (in_write != 0) write_up_to(reader.position());
  const std::scoped_lock lock(mutex_);
  stats_.recorded += kept;
  stats_.dropped += batch.envelopes - kept;
}

bool EnvelopeRecorder::append(const std::string& octets) {
  std::string_view rest = octets;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      complain(
          fmt::format("cannot write {}: {}", path_of(options_.folder, number_), system_error()));
      return false;
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  octets_ += octets.size();
  in_trouble_ = false;
  return true;
}

/// The next file; the oldest beyond what is kept go.
bool EnvelopeRecorder::begin_file() {
  const std::string path = path_of(options_.folder, number_ + 1);
  const int next =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (next < 0) {
    complain(fmt::format("cannot open {}: {}", path, system_error()));
    return false;
  }
  ::close(fd_);
  fd_ = next;
  ++number_;
  in_file_ = 0;
  octets_ = 0;
  std::vector<std::uint64_t> files = record_files(options_.folder);
  for (std::size_t i = 0; i + kRecordFiles + 1 < files.size(); ++i)
    ::unlink(path_of(options_.folder, files[i]).c_str());
  return true;
}

void EnvelopeRecorder::complain(const std::string& what) {
  if (std::exchange(in_trouble_, true) || !options_.on_trouble) return;
  options_.on_trouble("envelopes are not recorded: " + what);
}

}  // namespace postern::gateway
