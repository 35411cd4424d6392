// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/segment_reader.h"

#include "base/crc32c.h"
#include "queue/spool/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <rocksdb/file_system.h>
#include <utility>

namespace postern::spool {
namespace {

using rocksdb::FileOptions;
using rocksdb::FileSystem;
using rocksdb::IOOptions;

constexpr std::string_view kSegmentSuffix = ".segment";

std::optional<std::uint64_t> number_of(std::string_view name) {
  if (!name.ends_with(kSegmentSuffix)) return std::nullopt;
  name.remove_suffix(kSegmentSuffix.size());
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) return std::nullopt;
  return number;
}

Result<std::string> read_from(const rocksdb::FSRandomAccessFile& file,
                              std::uint64_t offset,
                              std::size_t octets) {
  std::string out(octets, '\0');
  rocksdb::Slice got;
  if (!file.Read(offset, octets, IOOptions(), &got, out.data(), nullptr).ok()) {
    return make_error_code(Errc::read_failed);
  }
  if (got.size() < octets) return make_error_code(Errc::damaged);
  if (got.data() != out.data()) out.assign(got.data(), got.size());
  return out;
}

Result<std::string> checked(Result<std::string> octets, std::uint32_t crc) {
  if (octets && crc32c(*octets) != crc) return make_error_code(Errc::damaged);
  return octets;
}

}  // namespace

std::string segment_path(const std::string& directory, std::uint64_t number) {
  return fmt::format("{}/{:06}{}", directory, number, kSegmentSuffix);
}

Result<std::vector<SegmentFile>, std::string> segments_in(FileSystem& system,
                                                          const std::string& directory) {
  std::vector<std::string> names;
  rocksdb::IOStatus status = system.GetChildren(directory, IOOptions(), &names, nullptr);
  if (!status.ok()) return status.ToString();
  std::vector<SegmentFile> files;
  for (const std::string& name : names) {
    const auto number = number_of(name);
    if (!number) continue;
    SegmentFile file{*number, directory + "/" + name, 0};
    status = system.GetFileSize(file.path, IOOptions(), &file.octets, nullptr);
    if (status.IsNotFound() || status.IsPathNotFound()) continue;  // removed meanwhile
    if (!status.ok()) return status.ToString();
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const SegmentFile& a, const SegmentFile& b) {
    return a.number < b.number;
  });
  return files;
}

Result<std::unique_ptr<SegmentReader>, std::string> SegmentReader::open(FileSystem& system,
                                                                        SegmentFile file) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> open;
  const rocksdb::IOStatus status =
      system.NewRandomAccessFile(file.path, FileOptions(), &open, nullptr);
  if (!status.ok()) return status.ToString();
  return std::unique_ptr<SegmentReader>(new SegmentReader(std::move(file), std::move(open)));
}

SegmentReader::SegmentReader(SegmentFile file, std::unique_ptr<rocksdb::FSRandomAccessFile> open)
    : file_(std::move(file)), open_(std::move(open)) {}

SegmentReader::~SegmentReader() = default;

Result<std::string> SegmentReader::read(std::uint64_t offset, std::size_t octets) {
  auto out = read_from(*open_, offset, octets);
  if (!out && out.error() == make_error_code(Errc::read_failed)) has_failed_ = true;
  return out;
}

Result<std::string> SegmentReader::read_checked(std::uint64_t offset,
                                                std::size_t octets,
                                                std::uint32_t crc) {
  return checked(read(offset, octets), crc);
}

std::optional<FrameHead> SegmentReader::head_at(std::uint64_t offset) {
  const auto fixed = read(offset, FrameHead::kFixedOctets);
  if (!fixed) return std::nullopt;
  // First its place, which a letter's octets do not have by chance: a head may be long.
  if (frame_place(*fixed) != FramePlace{file_.number, static_cast<std::uint32_t>(offset)}) {
    return std::nullopt;
  }
  const auto size = frame_head_octets(*fixed);
  if (!size) return std::nullopt;
  const auto octets = read(offset, *size);
  if (!octets) return std::nullopt;
  auto head = decode_frame_head(*octets);
  if (!head) return std::nullopt;
  return *std::move(head);
}

std::optional<FrameHead> SegmentReader::next() {
  auto head = head_at(at_);
  if (head) at_ += head->octets();
  return head;
}

bool SegmentReader::has_frame_behind() {
  constexpr std::size_t kStep = 1U << 20;
  constexpr std::string_view kBegins = "PSF1";
  // Pieces overlap by what a beginning may be cut through.
  for (std::uint64_t from = at_ + 1; from < file_.octets; from += kStep) {
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(kStep + kBegins.size() - 1, file_.octets - from));
    const auto piece = read(from, size);
    if (!piece) continue;
    for (std::size_t at = piece->find(kBegins); at != std::string::npos;
         at = piece->find(kBegins, at + 1)) {
      if (head_at(from + at)) return true;
    }
  }
  return false;
}

bool SegmentReader::is_whole(const FrameHead& head) {
  for (std::size_t i = 0; i < head.bodies.size(); ++i) {
    if (!body(head, i)) return false;
  }
  return static_cast<bool>(batch(head));
}

Result<std::string> SegmentReader::batch(const FrameHead& head) {
  return read_checked(head.place.offset + head.head_octets() + head.body_octets(),
                      head.batch_octets,
                      head.batch_crc);
}

Result<std::string> SegmentReader::body(const FrameHead& head, std::size_t index) {
  const SegmentPlace place = body_place(head, index);
  return read_checked(place.offset, place.octets, place.crc);
}

Result<std::string> read_segment_octets(FileSystem& system,
                                        const std::string& directory,
                                        const SegmentPlace& place) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  const std::string path = segment_path(directory, place.segment);
  const rocksdb::IOStatus status = system.NewRandomAccessFile(path, FileOptions(), &file, nullptr);
  if (status.IsNotFound() || status.IsPathNotFound()) return make_error_code(Errc::damaged);
  if (!status.ok()) return make_error_code(Errc::read_failed);
  return read_from(*file, place.offset, place.octets);
}

Result<std::string> read_segment_body(FileSystem& system,
                                      const std::string& directory,
                                      const SegmentPlace& place) {
  return checked(read_segment_octets(system, directory, place), place.crc);
}

}  // namespace postern::spool
