// SPDX-License-Identifier: Apache-2.0
#include "routing/waves.h"

#include "routing/file_directory.h"
#include "routing/joined.h"

#include <algorithm>
#include <array>
#include <utility>

namespace postern::routing {
namespace {

constexpr std::array<std::pair<std::string_view, WaveState>, 4> kStates{
    {
     {"planned", WaveState::planned},
     {"dual", WaveState::dual},
     {"cutover", WaveState::cutover},
     {"rolled_back", WaveState::rolled_back},
     }
};

std::vector<Domain> scope_of(const Config& config, const WaveConfig& wave) {
  std::vector<Domain> out;
  for (const Domain& domain : config.domains) {
    if (wave.domain.empty() || domain.name == wave.domain) out.push_back(domain);
  }
  return out;
}

std::vector<std::optional<std::uint16_t>> places_of(const Config& config, const WaveConfig& wave) {
  std::vector<std::optional<std::uint16_t>> out;
  std::uint16_t next = 0;
  for (const Domain& domain : config.domains) {
    const bool is_there = wave.domain.empty() || domain.name == wave.domain;
    out.push_back(is_there ? std::optional(next++) : std::nullopt);
  }
  return out;
}

/// Who is asked first: the states that change a way.
int rank_of(WaveState state) {
  if (state == WaveState::cutover) return 0;
  return state == WaveState::dual ? 1 : 2;
}

/// Members that nobody can ask: no directory was given for their setting.
class NoMembers final : public Directory {
 public:
  bool is_immediate() const override { return true; }
  DirectoryAnswer look_up_now(const smtp::Mailbox& /*mailbox*/) const override {
    return {Presence::unavailable, "there is no directory to ask about its members"};
  }
  net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override {
    co_return look_up_now(mailbox);
  }
};

const NoMembers kNoMembers;

}  // namespace

std::string_view name_of(WaveState state) {
  for (const auto& [name, known] : kStates) {
    if (known == state) return name;
  }
  return {};
}

std::optional<WaveState> parse_wave_state(std::string_view name) {
  for (const auto& [known, state] : kStates) {
    if (known == name) return state;
  }
  return std::nullopt;
}

WaveMembers::WaveMembers(const Config& config,
                         const WaveConfig& wave,
                         std::string path,
                         WatchedTable::Options options)
    : scope_(scope_of(config, wave)),
      places_(places_of(config, wave)),
      domains_(scope_),
      file_(std::move(path),
            MailboxRules{&domains_, config.recipients.case_sensitive, config.recipients.delimiter},
            std::move(options)) {}

DirectoryAnswer WaveMembers::look_up_now(const smtp::Mailbox& mailbox) const {
  const ReadSection reading;
  const MailboxTable* const table = file_.table(reading);
  if (table == nullptr) return {Presence::unavailable, file_.problem()};
  return found_in(table->find(mailbox));
}

std::optional<DirectoryAnswer> WaveMembers::try_keyed(const smtp::Mailbox& mailbox,
                                                      const RecipientKey& key) const {
  const ReadSection reading;
  const MailboxTable* const table = file_.table(reading);
  if (table == nullptr) return look_up_now(mailbox);
  const std::optional<std::uint16_t> place =
      key.domain() < places_.size() ? places_[key.domain()] : std::nullopt;
  return found_in(place ? table->find(key, *place) : 0);
}

DirectoryAnswer WaveMembers::found_in(std::size_t line) const {
  if (line == 0) return {Presence::unknown, {}};
  return {Presence::known, line_of_file(file_.short_name(), line)};
}

net::Awaitable<DirectoryAnswer> WaveMembers::look_up(smtp::Mailbox mailbox) const {
  co_return look_up_now(mailbox);
}

std::size_t WaveMembers::line_of(const smtp::Mailbox& mailbox) const {
  const std::shared_ptr<const MailboxTable> table = file_.table();
  return table ? table->find(mailbox) : 0;
}

bool WaveMembers::each(
    const std::function<void(const smtp::Mailbox& member, std::size_t line)>& take) const {
  const std::shared_ptr<const MailboxTable> table = file_.table();
  if (!table) return false;
  table->each([&](const MailboxTable::Entry& entry) {
    if (entry.domain) return take({entry.local, scope_[*entry.domain].name}, entry.line);
    for (const Domain& domain : scope_)
      take({entry.local, domain.name}, entry.line);
  });
  return true;
}

std::size_t WaveMembers::first_without_domain() const {
  const std::shared_ptr<const MailboxTable> table = file_.table();
  std::size_t first = 0;
  if (!table) return first;
  table->each([&first](const MailboxTable::Entry& entry) {
    if (first == 0 && !entry.domain) first = entry.line;
  });
  return first;
}

Waves::Waves(const Config& config, const WatchedTable::Options& options) {
  for (const WaveConfig& wave : config.waves) {
    Wave made;
    made.config = wave;
    const std::string_view path = directory_file(wave.members);
    if (!path.empty()) {
      made.file = std::make_unique<WaveMembers>(config, wave, std::string(path), options);
      made.members = made.file.get();
    } else {
      made.members = &kNoMembers;
    }
    are_compared_ = are_compared_ && made.file != nullptr;
    waves_.push_back(std::move(made));
  }
  std::stable_sort(waves_.begin(), waves_.end(), [](const Wave& a, const Wave& b) {
    return rank_of(a.config.state) < rank_of(b.config.state);
  });
}

void Waves::use(const std::string& members, const Directory& directory) {
  for (Wave& wave : waves_) {
    if (!wave.file && wave.config.members == members) wave.members = &directory;
  }
}

bool Waves::refresh() {
  bool any = false;
  for (const Wave& wave : waves_) {
    if (wave.file && wave.file->refresh() == Refresh::reloaded) any = true;
  }
  return any;
}

const Waves::Wave* Waves::find(std::string_view name) const {
  const auto found = std::find_if(
      waves_.begin(), waves_.end(), [name](const Wave& wave) { return wave.config.name == name; });
  return found == waves_.end() ? nullptr : &*found;
}

}  // namespace postern::routing
