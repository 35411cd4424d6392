// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/sink/letter_text.h"

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

// Private to mailtools/sink.

namespace postern::sink {

/// What is wanted of a letter's octets.
struct WriteOptions {
  std::string maildir;  ///< empty: no file
  std::string name;     ///< of the file
  std::string fields;   ///< in front of the octets
  bool digest = false;
  std::size_t content = 0;  ///< so many octets are held, at most
};

/// A letter on its way to a file of a maildir, and what is learned of it meanwhile. One thread.
class LetterWriter final : public Writer {
 public:
  explicit LetterWriter(WriteOptions options);
  /// A file that finish() has not put in its place goes.
  ~LetterWriter() override;
  LetterWriter(LetterWriter&&) = delete;

  void write(std::string_view octets) override;
  /// Behind the last octet: the file gets its name in new/. Empty: done; else what went wrong.
  std::string finish();
  /// Behind finish(): the file goes again.
  void withdraw();
  /// Views into this; behind finish().
  Content content();

 private:
  struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const;
  };
  void spill();
  void fail(const char* what);

  const WriteOptions options_;
  std::string temporary_;  ///< the file's path in tmp/; empty: there is none
  std::string place_;      ///< the file's path in new/; empty: it is not there
  int descriptor_ = -1;
  std::string buffer_;  ///< not yet in the file
  std::string header_;  ///< the header block, or its beginning
  bool in_header_ = true;
  std::unique_ptr<EVP_MD_CTX, FreeDigest> digest_;
  std::string octets_;
  bool is_whole_ = true;  ///< octets_ has them all
  std::string failure_;
};

/// Makes DIR, DIR/tmp, DIR/new and DIR/cur where they are not there. Empty: done; else what went
/// wrong.
std::string make_maildir(const std::string& folder);

}  // namespace postern::sink
