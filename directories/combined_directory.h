// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace postern::directories {

/// `any:` and `all:`: several directories as one, in three-valued logic.
///   any: one that knows decides; else unavailable if one was; else unknown.
///   all: one that does not know decides; else unavailable if one was; else known.
/// Evidence is that of the one that decided, or of all where all had to agree. Those that answer
/// without waiting are heard first; the others are asked in their order, and none behind the one
/// that decides. The parts outlive it.
class CombinedDirectory final : public routing::Directory {
 public:
  enum class Mode : std::uint8_t { any, all };
  CombinedDirectory(Mode mode, std::vector<const routing::Directory*> parts)
      : decisive_(mode == Mode::any ? routing::Presence::known : routing::Presence::unknown),
        parts_(std::move(parts)) {}

  bool is_immediate() const override;
  routing::DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override;
  std::optional<routing::DirectoryAnswer> try_now(const smtp::Mailbox& mailbox) const override;
  std::optional<routing::DirectoryAnswer> try_keyed(
      const smtp::Mailbox& mailbox, const routing::RecipientKey& key) const override;
  void prefetch(const routing::RecipientKey& key, Part part) const override;
  net::Awaitable<routing::DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override;

 private:
  using Answers = std::vector<std::optional<routing::DirectoryAnswer>>;

  /// What the parts say without waiting, up to one that decides, which is then the last. `ask` asks
  /// a part.
  template <class Ask>
  Answers hear(const Ask& ask) const;
  /// nullopt: none decides, and one has not answered.
  std::optional<routing::DirectoryAnswer> conclude(Answers& answers) const;

  const routing::Presence decisive_;
  const std::vector<const routing::Directory*> parts_;
};

}  // namespace postern::directories
