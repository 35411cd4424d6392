// SPDX-License-Identifier: Apache-2.0
// The proof against the simulator of proof_town.h, letter by letter: where each copy rests, how
// many there are, and what circles, in random companies with several domains, rewrites, lists,
// dual delivery, journals, ways by sender, cut-over files and waves.
#include "gateway/proof/judge.h"
#include "tests/gateway/proof_support.h"
#include "tests/gateway/proof_town.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <unistd.h>

namespace postern::gateway::proof {
namespace {

constexpr unsigned kTowns = 60;
constexpr unsigned kLettersEach = 40;

class TownFolder {
 public:
  TownFolder() { std::filesystem::create_directories(path_); }
  ~TownFolder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("postern-town-" + std::to_string(::getpid()));
};

/// One letter drawn from those that the proof follows.
struct Drawn {
  const routing::Domain* domain = nullptr;
  Person person;
  Wiring wiring;
  Beginning beginning;
  Writer writer;
  smtp::Mailbox recipient;
  bool renamed = false;  ///< by a line of the map, which no server has a mailbox for
};

class Draw {
 public:
  Draw(std::mt19937& chance, const World& world)
      : chance_(chance), world_(world), wirings_(wirings(world)), writers_(writers(world)) {}

  Drawn take() {
    Drawn out;
    out.domain = one_of(world_.followed());
    out.person = person_of(*out.domain);
    out.wiring = one_of(wirings_);
    out.writer = one_of(writers_);
    const std::string local = local_of(out.person);
    const routing::Domain& first = world_.routing().domains.front();
    const smtp::Mailbox old_name("was." + local, first.name);
    const std::vector<std::string>& aliases = out.domain->aliases;
    const std::size_t name = chance_() % (aliases.size() + 1);
    out.recipient = smtp::Mailbox(local, name == 0 ? out.domain->name : aliases[name - 1]);
    if (chance_() % 4 == 0 && by_map(old_name, local)) {
      out.renamed = true;
      out.domain = &first;
      out.writer = writers_[chance_() % std::min<std::size_t>(2, writers_.size())];
      out.recipient = old_name;
    } else if (chance_() % 8 == 0) {
      out.domain = nullptr;
      out.recipient =
          smtp::Mailbox(local, chance_() % 2 == 0 ? "outside.example" : "partner.example");
    }
    out.beginning = one_of(beginnings(world_, out.domain));
    return out;
  }

 private:
  /// No rule of the config comes before the map's line.
  bool by_map(const smtp::Mailbox& old_name, const std::string& local) const {
    const std::optional<Renamed> renamed = world_.renames().find(old_name);
    return renamed && renamed->to.local() == local;
  }
  template <class T>
  T one_of(const std::vector<T>& from) {
    return from[chance_() % from.size()];
  }
  /// One whose files the town has: nobody is down, and who is on a list is so by name.
  Person person_of(const routing::Domain& domain) {
    for (;;) {
      Person out = one_of(persons_of(world_.traits_of(domain)));
      const bool listed = out.dual && !world_.traits_of(domain).dual_for_all;
      if (!out.doubtful() && (!listed || local_of(out) == "dual")) return out;
    }
  }

  std::mt19937& chance_;
  const World& world_;
  std::vector<Wiring> wirings_;
  std::vector<Writer> writers_;
};

std::string described(const Drawn& letter) {
  return fmt::format(
      "from {} ({}) to {} ({}), X's T by mx {}, V sends D to X {}, filter returns {}",
      letter.beginning.start.name,
      letter.writer.address.text(),
      letter.recipient.text(),
      letter.person.name,
      letter.wiring.t_by_mx,
      letter.wiring.v_sends_d_to_x,
      letter.wiring.relays_return);
}

/// A town that has been proved and that serves.
struct Standing {
  Town town;
  Proof proof;
  std::unique_ptr<Config> config;
  std::unique_ptr<ListFiles> lists;
  std::unique_ptr<World> world;
  std::shared_ptr<const Snapshot> snapshot;

  bool has(std::string_view code) const {
    return std::any_of(proof.findings.begin(), proof.findings.end(), [&](const Finding& finding) {
      return finding.code == code;
    });
  }
};

Standing stand(std::mt19937& chance, const std::string& folder) {
  Standing out;
  out.town = random_town(chance, folder);
  LoadResult loaded = parse(out.town.text);
  EXPECT_TRUE(loaded.config) << out.town.text << shown(loaded.findings);
  if (!loaded.config) return out;
  out.config = std::make_unique<Config>(*loaded.config);
  out.lists = std::make_unique<ListFiles>(out.config->routing);
  out.proof = prove(*out.config, out.lists.get());
  auto world = World::build(*out.config, &out.lists->ways);
  EXPECT_TRUE(world) << out.town.text;
  if (!world) return out;
  out.world = std::move(*world);
  const auto snapshot = Snapshot::build(std::move(*loaded.config));
  EXPECT_TRUE(snapshot) << out.town.text;
  if (snapshot) out.snapshot = *snapshot;
  return out;
}

/// Counts how often each end was seen: a grammar in which nothing happens shows nothing.
class WideProof : public testing::Test {
 protected:
  void compare(const Standing& at, const Drawn& letter) {
    Walker walker(*at.world, letter.wiring, letter.person);
    if (letter.renamed) walker.no_mailbox_as(letter.recipient);
    const Ends said =
        ends_of(walker.follow(letter.beginning.start, letter.recipient, letter.writer.address));
    const Ends seen = simulate(at.town,
                               *at.snapshot,
                               letter.wiring,
                               letter.beginning.start,
                               letter.recipient.text(),
                               letter.writer.address);
    EXPECT_EQ(fmt::format("{}", fmt::join(said, " ")), fmt::format("{}", fmt::join(seen, " ")))
        << described(letter) << "\n"
        << at.town.text;
    for (const std::string& end : seen)
      ++ends_[end];
    hold_findings_against(at, letter, seen);
  }

  /// What nobody was told of must not happen.
  void hold_findings_against(const Standing& at, const Drawn& letter, const Ends& seen) {
    if (letter.domain == nullptr || letter.writer.is_unwanted) return;
    const Case as_case{letter.domain,
                       &letter.person,
                       &letter.beginning,
                       &letter.wiring,
                       letter.recipient,
                       letter.writer};
    if (!letter.renamed && !is_written(*at.world, as_case)) return;
    const bool loops = seen == Ends{"loops"};
    const bool sound = !at.has("loop") && !at.has("no-rest") && !at.has("no-copy") &&
                       !at.has("two-copies") && !at.has("hidden-origin");
    EXPECT_FALSE(sound && loops) << described(letter) << "\n" << at.town.text;
    if (loops) {
      EXPECT_TRUE(at.has("loop") || at.has("hidden-origin"))
          << described(letter) << "\n"
          << shown(at.proof.findings) << at.town.text;
      return;
    }
    if (!sound || !letter.person.exists()) return;
    ++held_;
    std::map<std::string, unsigned> places;
    unsigned arrived = 0;
    for (const std::string& end : seen) {
      if (!end.starts_with("rests:") && end != "waits") continue;
      ++arrived;
      const bool is_mailbox = end == "rests:exchange" || end == "rests:vk";
      EXPECT_LE(++places[end], is_mailbox ? 1U : 9U) << described(letter) << "\n" << at.town.text;
    }
    EXPECT_GT(arrived, 0U) << described(letter) << "\n" << at.town.text;
  }

  std::map<std::string, unsigned> ends_;
  unsigned held_ = 0;
};

TEST_F(WideProof, SaysOfEachLetterWhatTheServersDo) {
  const TownFolder folder;
  std::mt19937 chance(20261201);
  for (unsigned n = 0; n < kTowns; ++n) {
    const Standing at = stand(chance, folder.path());
    ASSERT_NE(at.snapshot, nullptr);
    Draw draw(chance, *at.world);
    for (unsigned k = 0; k < kLettersEach; ++k)
      compare(at, draw.take());
    if (HasFailure()) break;
  }
  for (const char* end : {"rests:exchange",
                          "rests:vk",
                          "rests:the world",
                          "refused",
                          "bounced",
                          "discarded",
                          "loops"}) {
    EXPECT_GT(ends_[end], 20U) << end;
  }
  EXPECT_GT(held_, 20U) << "too few towns are sound";
}

}  // namespace
}  // namespace postern::gateway::proof
