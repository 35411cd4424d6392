// SPDX-License-Identifier: Apache-2.0
#include "directories/combined_directory.h"

#include <algorithm>
#include <utility>

namespace postern::directories {

using routing::Directory;
using routing::DirectoryAnswer;
using routing::Presence;

bool CombinedDirectory::is_immediate() const {
  return std::all_of(
      parts_.begin(), parts_.end(), [](const Directory* part) { return part->is_immediate(); });
}

template <class Ask>
CombinedDirectory::Answers CombinedDirectory::hear(const Ask& ask) const {
  Answers out;
  out.reserve(parts_.size());
  for (const Directory* part : parts_) {
    out.push_back(ask(*part));
    if (out.back() && out.back()->presence == decisive_) break;
  }
  return out;
}

std::optional<DirectoryAnswer> CombinedDirectory::conclude(Answers& answers) const {
  const auto first = [&answers](Presence presence) {
    return std::find_if(answers.begin(), answers.end(), [presence](const auto& answer) {
      return answer && answer->presence == presence;
    });
  };
  const auto decided = first(decisive_);
  if (decided != answers.end()) return std::move(*decided);
  if (std::find(answers.begin(), answers.end(), std::nullopt) != answers.end()) {
    return std::nullopt;
  }
  const auto silent = first(Presence::unavailable);
  if (silent != answers.end()) return std::move(*silent);
  DirectoryAnswer out = std::move(*answers.front());
  for (std::size_t i = 1; i < answers.size(); ++i)
    out.evidence += "; " + answers[i]->evidence;
  return out;
}

std::optional<DirectoryAnswer> CombinedDirectory::try_now(const smtp::Mailbox& mailbox) const {
  Answers answers = hear([&mailbox](const Directory& part) { return part.try_now(mailbox); });
  return conclude(answers);
}

std::optional<DirectoryAnswer> CombinedDirectory::try_keyed(
    const smtp::Mailbox& mailbox, const routing::RecipientKey& key) const {
  Answers answers =
      hear([&mailbox, &key](const Directory& part) { return part.try_keyed(mailbox, key); });
  return conclude(answers);
}

void CombinedDirectory::prefetch(const routing::RecipientKey& key, Part part) const {
  for (const Directory* directory : parts_)
    directory->prefetch(key, part);
}

DirectoryAnswer CombinedDirectory::look_up_now(const smtp::Mailbox& mailbox) const {
  std::optional<DirectoryAnswer> answer = try_now(mailbox);
  if (answer) return std::move(*answer);
  return {Presence::unavailable, "it would have to be asked"};
}

net::Awaitable<DirectoryAnswer> CombinedDirectory::look_up(smtp::Mailbox mailbox) const {
  Answers answers = hear([&mailbox](const Directory& part) { return part.try_now(mailbox); });
  for (std::size_t i = 0; i < answers.size(); ++i) {
    std::optional<DirectoryAnswer> done = conclude(answers);
    if (done) co_return std::move(*done);
    if (answers[i]) continue;
    DirectoryAnswer answer = co_await parts_[i]->look_up(mailbox);
    answers[i] = std::move(answer);
  }
  co_return std::move(*conclude(answers));
}

}  // namespace postern::directories
