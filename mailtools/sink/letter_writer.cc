// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/letter_writer.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::sink {
namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10;
constexpr std::size_t kHeader = std::size_t{64} << 10;
constexpr mode_t kOwnerFile = 0600;
constexpr mode_t kOwnerFolder = 0700;

}  // namespace

void LetterWriter::FreeDigest::operator()(EVP_MD_CTX* context) const {
  EVP_MD_CTX_free(context);
}

LetterWriter::LetterWriter(WriteOptions options) : options_(std::move(options)) {
  if (options_.digest) {
    digest_.reset(EVP_MD_CTX_new());
    if (!digest_ || EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr) != 1) digest_.reset();
  }
  if (options_.maildir.empty()) return;
  temporary_ = options_.maildir + "/tmp/" + options_.name;
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerFile);
  if (descriptor_ < 0) {
    fail("open");
    temporary_.clear();
  }
  buffer_ = options_.fields;
}

LetterWriter::~LetterWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void LetterWriter::fail(const char* what) {
  if (failure_.empty())
    failure_ = fmt::format(
        "{} {}/tmp/{}: {}", what, options_.maildir, options_.name, std::strerror(errno));
}

void LetterWriter::write(std::string_view octets) {
  if (digest_) EVP_DigestUpdate(digest_.get(), octets.data(), octets.size());
  if (in_header_) {
    // Where the block ends may lie between two pieces.
    const std::size_t from = header_.size() < 3 ? 0 : header_.size() - 3;
    header_ += octets.substr(0, kHeader - header_.size());
    const bool ended = header_.find("\r\n\r\n", from) != std::string::npos;
    if (ended || header_.size() >= kHeader) in_header_ = false;
  }
  if (octets_.size() + octets.size() <= options_.content) {
    octets_ += octets;
  } else {
    is_whole_ = false;
  }
  if (descriptor_ < 0) return;
  buffer_ += octets;
  if (buffer_.size() >= kBuffer) spill();
}

void LetterWriter::spill() {
  std::string_view rest = buffer_;
  while (!rest.empty() && failure_.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      fail("write");
    } else {
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  buffer_.clear();
}

std::string LetterWriter::finish() {
  if (descriptor_ < 0) return failure_;
  spill();
  if (::close(descriptor_) != 0) fail("close");
  descriptor_ = -1;
  const std::string place = options_.maildir + "/new/" + options_.name;
  if (failure_.empty() && ::rename(temporary_.c_str(), place.c_str()) != 0) fail("rename");
  if (failure_.empty()) {
    temporary_.clear();
    place_ = place;
  }
  return failure_;
}

void LetterWriter::withdraw() {
  if (!place_.empty()) ::unlink(place_.c_str());
  place_.clear();
}

Content LetterWriter::content() {
  Content out;
  out.subject = header_field(header_, "Subject");
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (digest_ && EVP_DigestFinal_ex(digest_.get(), sum, &size) == 1) {
    for (unsigned i = 0; i < size; ++i)
      out.sha256 += fmt::format("{:02x}", sum[i]);
  }
  out.has_octets = options_.content > 0 && is_whole_;
  out.octets = octets_;
  return out;
}

std::string make_maildir(const std::string& folder) {
  for (const char* const part : {"", "/tmp", "/new", "/cur"}) {
    const std::string path = folder + part;
    if (::mkdir(path.c_str(), kOwnerFolder) != 0 && errno != EEXIST)
      return fmt::format(
          "--maildir {}: cannot make {}: {}; write a folder that this user can "
          "write to, whose parent is there",
          folder,
          path,
          std::strerror(errno));
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0 || !S_ISDIR(found.st_mode))
      return fmt::format("--maildir {}: {} is no folder; write another", folder, path);
  }
  if (::access((folder + "/tmp").c_str(), W_OK) != 0)
    return fmt::format(
        "--maildir {}: {}; write a folder of this user", folder, std::strerror(errno));
  return {};
}

}  // namespace postern::sink
