// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "mailtools/load/options.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::load {

/// One letter of a run.
struct Letter {
  std::uint64_t number = 0;  ///< from 0 on, unique in the run
  net::TimePoint due;        ///< open loop: by the schedule; closed loop: when it was begun
  bool counted = true;       ///< false: of the warm-up
  std::size_t part = 0;      ///< of the size mix
  std::uint64_t recipients = 1;
  std::uint64_t first_user = 0;  ///< number of its first recipient, from 0 on, in the run
};

/// What a letter says of itself in its header, so that who receives it can tell how long it took.
struct Mark {
  std::string run;
  std::uint64_t number = 0;
  net::TimePoint due;  ///< of the sender's clock: of use in its process alone
  bool counted = false;
  friend bool operator==(const Mark&, const Mark&) = default;
};

/// The field of the header block that a sender of this kind wrote; none: there is none, or it makes
/// no sense. `head`: the octets of a letter up to the empty line, with CRLF or LF. Pure.
std::optional<Mark> find_mark(std::string_view head);

/// What the letters of a run consist of: a small head that differs, always of one length, and a
/// body that all letters of a size share. Immutable once made; any thread.
class Contents {
 public:
  /// The error says how small a letter can be.
  static Read<Contents> make(const Options& options, std::string run);

  const std::string& run() const { return run_; }
  std::size_t head_octets() const { return head_octets_; }
  /// Of a letter of this part of the size mix, as BDAT counts them.
  std::uint64_t octets(std::size_t part) const { return sizes_[part]; }
  /// Behind the head: with dots doubled (RFC 5321 4.5.2) and the end of DATA...
  std::string_view data_body(std::size_t part) const { return bodies_[part].data; }
  /// ... and as it is.
  std::string_view bdat_body(std::size_t part) const { return bodies_[part].bdat; }

  /// Appends the head with its empty line. `date` as RFC 5322 has it.
  void append_head(const Letter& letter, std::string_view date, std::string& out) const;
  /// "<user1@example.net>" without its brackets: recipient `index` of the letter.
  void append_recipient(const Letter& letter, std::uint64_t index, std::string& out) const;
  void append_sender(const Letter& letter, std::string& out) const;

 private:
  struct Body {
    std::string data;
    std::string bdat;
  };
  Contents() = default;
  void append_fields(const Letter& letter, std::string_view date, std::string& out) const;

  std::string run_;
  std::string host_;
  Template from_;
  Template to_;
  bool null_sender_ = false;
  std::uint64_t users_ = 1;
  std::size_t head_octets_ = 0;
  std::vector<std::uint64_t> sizes_;
  std::vector<Body> bodies_;
};

}  // namespace postern::load
