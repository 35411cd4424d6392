// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/errors.h"

namespace postern::spool {
namespace {

const char* sentence(Errc code) {
  switch (code) {
    case Errc::no_space:
      return "the disk of the spool is full";
    case Errc::store_failed:
      return "writing the spool has failed; nothing is accepted until a restart";
    case Errc::cancelled:
      return "the message was withdrawn before it was written";
    case Errc::closed:
      return "the spool is closed";
    case Errc::not_found:
      return "no such message";
    case Errc::read_failed:
      return "reading the spool has failed";
    case Errc::damaged:
      return "the stored message cannot be read";
    case Errc::leased:
      return "the recipient is being delivered";
    case Errc::held:
      return "the message is held";
    case Errc::settled:
      return "the recipient is settled";
    case Errc::bad_recipient:
      return "no such recipient";
    case Errc::bad_record:
      return "not an envelope record";
    case Errc::data_dir_in_use:
      return "another process uses the data directory";
    case Errc::newer_format:
      return "the data directory was written by a newer version";
    case Errc::bad_data_dir:
      return "the data directory cannot be used";
  }
  return "unknown spool error";
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "spool"; }
  std::string message(int value) const override { return sentence(static_cast<Errc>(value)); }
};

}  // namespace

const std::error_category& category() {
  static const Category instance;
  return instance;
}

std::error_code make_error_code(Errc code) {
  return {static_cast<int>(code), category()};
}

}  // namespace postern::spool
