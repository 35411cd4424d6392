// SPDX-License-Identifier: Apache-2.0
#include "gateway/record_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace postern::gateway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 10;
/// More is no file of ours.
constexpr std::uintmax_t kMostFile = 2ULL << 30;

std::optional<std::uint64_t> number_of(const std::string& name) {
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, ec] = std::from_chars(name.data(), end, number);
  if (ec != std::errc() || stop != end || name.size() != kDigits) return std::nullopt;
  return number;
}

/// A file that has gone since it was listed is empty: the recorder drops the oldest.
Result<std::string, std::string> content_of(const std::string& path) {
  using Content = Result<std::string, std::string>;
  const auto failed = [&path](const std::string& why) {
    return Content(boost::system::in_place_error,
                   fmt::format("the records {} cannot be read: {}", path, why));
  };
  std::error_code ec;
  const std::uintmax_t size = fs::file_size(path, ec);
  if (ec == std::errc::no_such_file_or_directory) {
    return Content(boost::system::in_place_value, std::string());
  }
  if (ec) return failed(ec.message());
  if (size > kMostFile) return failed("this is no file of envelopes: it is too large");
  std::string out(static_cast<std::size_t>(size), '\0');
  std::ifstream in(path, std::ios::binary);
  if (!in) return failed(std::strerror(errno));
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(in.gcount()));
  return Content(boost::system::in_place_value, std::move(out));
}

/// The files that `path` stands for, oldest first.
Result<std::vector<std::string>, std::string> files_of(const std::string& path) {
  std::error_code ec;
  const fs::file_status status = fs::status(path, ec);
  if (!fs::exists(status)) {
    const std::string why = ec ? ec.message() : std::string(std::strerror(ENOENT));
    return fmt::format("there are no recorded envelopes: {}: {}", path, why);
  }
  if (!fs::is_directory(status)) return std::vector<std::string>{path};
  const fs::directory_iterator readable(path, ec);
  if (ec) return fmt::format("the records {} cannot be read: {}", path, ec.message());
  std::vector<std::string> out;
  for (const std::uint64_t number : record_files(path))
    out.push_back((fs::path(path) / record_file_name(number)).string());
  return out;
}

std::size_t count_records(std::string_view octets) {
  RecordReader reader(octets);
  std::size_t count = 0;
  while (reader.skip())
    ++count;
  return count;
}

/// Leaves of `files` those that hold the last `limit` records; returns how many of the first one's
/// are to be passed over.
Result<std::size_t, std::string> keep_last(std::vector<std::string>& files, std::size_t limit) {
  std::size_t found = 0;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const Result<std::string, std::string> octets = content_of(*file);
    if (!octets) return octets.error();
    found += count_records(*octets);
    if (found < limit) continue;
    files.erase(files.begin(), file.base() - 1);
    return found - limit;
  }
  return std::size_t{0};
}

}  // namespace

std::string records_path(const std::string& data_dir) {
  return data_dir + "/envelopes";
}

std::string record_file_name(std::uint64_t number) {
  return fmt::format("{:0{}}", number, kDigits);
}

std::vector<std::uint64_t> record_files(const std::string& folder) {
  std::vector<std::uint64_t> out;
  std::error_code ec;
  for (fs::directory_iterator entry(folder, ec), end; !ec && entry != end; entry.increment(ec)) {
    if (const auto number = number_of(entry->path().filename().string())) out.push_back(*number);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<RecordsRead, std::string> read_records(
    const std::string& path,
    std::size_t limit,
    const std::function<bool(const RecordedEnvelope&)>& take) {
  Result<std::vector<std::string>, std::string> files = files_of(path);
  if (!files) return files.error();
  std::size_t passed_over = 0;
  if (limit != 0) {
    const Result<std::size_t, std::string> kept = keep_last(*files, limit);
    if (!kept) return kept.error();
    passed_over = *kept;
  }
  RecordsRead read;
  RecordedEnvelope envelope;
  for (const std::string& file : *files) {
    const Result<std::string, std::string> octets = content_of(file);
    if (!octets) return octets.error();
    RecordReader reader(*octets);
    while (passed_over > 0 && reader.skip())
      --passed_over;
    while (reader.next(envelope)) {
      ++read.envelopes;
      if (!take(envelope)) return read;
    }
    read.damaged += reader.damaged();
  }
  return read;
}

}  // namespace postern::gateway
