// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "smtp/error.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::smtp {

/// Case-insensitive equality of ASCII text (domains, verbs, keywords); octets above 127 must be
/// equal.
bool iequals(std::string_view a, std::string_view b);
/// ASCII letters to lower case, everything else as it is.
std::string ascii_lower(std::string_view text);

/// An address as it stands in a command: views into the line, valid as long as the line is.
/// `local` keeps its quotes; `domain` is as sent, without a trailing dot. A path without a domain
/// is
/// `<Postmaster>` (RFC 5321 4.1.1.3); `is_null` is `<>`.
struct PathView {
  std::string_view local;
  std::string_view domain;
  bool is_null = false;
  bool had_source_route = false;  ///< `@a,@b:` was there; parsed, never used (RFC 5321 appendix C)
};

/// An address that is owned: local part and domain exactly as they came (R16, R17: case and quotes
/// kept). Equality compares domains without case and local parts exactly (RFC 5321 2.4); R8a's
/// looser comparison belongs to routing.
class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(std::string_view local, std::string_view domain);
  explicit Mailbox(const PathView& path) : Mailbox(path.local, path.domain) {}

  /// Parses "local@domain" (no brackets), as an administrator types it; SMTPUTF8 addresses are
  /// allowed.
  static Result<Mailbox> parse(std::string_view text);

  std::string_view local() const { return std::string_view(text_).substr(0, local_size_); }
  std::string_view domain() const;
  /// "local@domain", or "Postmaster" without a domain.
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool has_domain() const { return local_size_ < text_.size(); }
  bool is_literal_domain() const { return has_domain() && domain().front() == '['; }

  friend bool operator==(const Mailbox& a, const Mailbox& b) {
    return a.local() == b.local() && iequals(a.domain(), b.domain());
  }

 private:
  std::string text_;
  std::size_t local_size_ = 0;
};

/// The envelope sender (RFC 5321 Reverse-path): a mailbox, or null, which stays null (R17).
class ReversePath {
 public:
  ReversePath() = default;  ///< the null sender
  explicit ReversePath(Mailbox mailbox) : mailbox_(std::move(mailbox)) {}
  explicit ReversePath(const PathView& path) {
    if (!path.is_null) mailbox_ = Mailbox(path);
  }

  bool is_null() const { return mailbox_.empty(); }
  const Mailbox& mailbox() const { return mailbox_; }
  /// "" for the null sender, else the address without brackets.
  const std::string& text() const { return mailbox_.text(); }

  friend bool operator==(const ReversePath&, const ReversePath&) = default;

 private:
  Mailbox mailbox_;
};

/// Where an address parser stopped: `path`, and the rest of the input behind the closing `>`.
struct ParsedPath {
  PathView path;
  std::string_view rest;
};

/// Parses a Reverse-path or Forward-path that starts at `input` ("<...>", source route allowed).
/// `allow_utf8`: SMTPUTF8 was given on MAIL (RFC 6531 3.3). No allocation.
Result<ParsedPath> parse_path(std::string_view input, bool allow_utf8);

/// The domain of EHLO or HELO: a domain name or an address literal. HELO and EHLO are lenient about
/// underscores, since Windows hosts have them and RFC 5321 4.1.4 forbids refusing for a wrong name.
bool is_valid_helo_domain(std::string_view text);

/// A domain as RFC 5321 has it, or an address literal in brackets.
Result<void> validate_domain(std::string_view domain, bool allow_utf8);

}  // namespace postern::smtp
