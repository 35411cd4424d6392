// SPDX-License-Identifier: Apache-2.0
#include "directories/combined_directory.h"

#include "directories/cached_directory.h"
#include "directories/domain_directories.h"
#include "tests/directories/fake_source.h"

#include <gtest/gtest.h>

namespace postern::directories::testing {
namespace {

using routing::Directory;
using routing::DirectoryAnswer;
using routing::Presence;
using Mode = CombinedDirectory::Mode;

/// Answers what a test says, at once or only when it is asked.
class Scripted final : public Directory {
 public:
  Scripted(Presence presence, std::string evidence, bool immediate = true)
      : answer_{presence, std::move(evidence)}, immediate_(immediate) {}

  bool is_immediate() const override { return immediate_; }
  DirectoryAnswer look_up_now(const smtp::Mailbox&) const override { return answer_; }
  net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox) const override {
    ++asked;
    co_return answer_;
  }
  mutable int asked = 0;

 private:
  DirectoryAnswer answer_;
  bool immediate_;
};

constexpr Presence kKnown = Presence::known;
constexpr Presence kUnknown = Presence::unknown;
constexpr Presence kSilent = Presence::unavailable;

TEST(CombinedDirectory, EveryPairIsThreeValuedLogicAtOnceAndAsked) {
  struct Row {
    Presence a, b, any, all;
  };
  const Row rows[] = {
      {kKnown,   kKnown,   kKnown,   kKnown  },
      {kKnown,   kUnknown, kKnown,   kUnknown},
      {kKnown,   kSilent,  kKnown,   kSilent },
      {kUnknown, kKnown,   kKnown,   kUnknown},
      {kUnknown, kUnknown, kUnknown, kUnknown},
      {kUnknown, kSilent,  kSilent,  kUnknown},
      {kSilent,  kKnown,   kKnown,   kSilent },
      {kSilent,  kUnknown, kSilent,  kUnknown},
      {kSilent,  kSilent,  kSilent,  kSilent },
  };
  int checked = 0;
  for (const Row& row : rows) {
    for (const bool first_now : {true, false}) {
      for (const bool second_now : {true, false}) {
        const Scripted a(row.a, "a", first_now);
        const Scripted b(row.b, "b", second_now);
        const CombinedDirectory any(Mode::any, {&a, &b});
        const CombinedDirectory all(Mode::all, {&a, &b});
        EXPECT_EQ(run(any, "u@company.ru").presence, row.any) << checked;
        EXPECT_EQ(run(all, "u@company.ru").presence, row.all) << checked;
        if (first_now && second_now) {
          EXPECT_EQ(any.look_up_now(mailbox("u@company.ru")).presence, row.any) << checked;
          EXPECT_EQ(all.look_up_now(mailbox("u@company.ru")).presence, row.all) << checked;
        }
        ++checked;
      }
    }
  }
  EXPECT_EQ(checked, 36);
}

TEST(CombinedDirectory, EvidenceIsOfTheOneThatDecidedOrOfAll) {
  const Scripted file(kUnknown, "not in a.txt");
  const Scripted ldap(kKnown, "ldap ad (dc1)", false);
  const Scripted down(kSilent, "sql pg: down", false);
  EXPECT_EQ(run(CombinedDirectory(Mode::any, {&file, &ldap}), "u@company.ru").evidence,
            "ldap ad (dc1)");
  EXPECT_EQ(run(CombinedDirectory(Mode::any, {&file, &down}), "u@company.ru").evidence,
            "sql pg: down");
  EXPECT_EQ(run(CombinedDirectory(Mode::any, {&file, &file}), "u@company.ru").evidence,
            "not in a.txt; not in a.txt");
}

TEST(CombinedDirectory, NobodyIsAskedWhenOneThatAnswersAtOnceDecides) {
  const Scripted ldap(kUnknown, "ldap", false);
  const Scripted file(kKnown, "a.txt, line 1");
  const CombinedDirectory any(Mode::any, {&ldap, &file});
  EXPECT_EQ(any.try_now(mailbox("u@company.ru"))->evidence, "a.txt, line 1");
  EXPECT_EQ(run(any, "u@company.ru").presence, kKnown);
  EXPECT_EQ(ldap.asked, 0);
}

TEST(CombinedDirectory, NobodyIsAskedBehindTheOneThatDecides) {
  const Scripted first(kUnknown, "first", false);
  const Scripted second(kKnown, "second", false);
  EXPECT_EQ(run(CombinedDirectory(Mode::all, {&first, &second}), "u@company.ru").presence,
            kUnknown);
  EXPECT_EQ(first.asked, 1);
  EXPECT_EQ(second.asked, 0);
}

/// Answers keys alone, and says what was fetched for them.
class Keyed final : public Directory {
 public:
  bool is_immediate() const override { return true; }
  DirectoryAnswer look_up_now(const smtp::Mailbox&) const override {
    return {kUnknown, "asked without a key"};
  }
  std::optional<DirectoryAnswer> try_keyed(const smtp::Mailbox&,
                                           const routing::RecipientKey& key) const override {
    return DirectoryAnswer{kKnown, "by its key " + std::string(key.whole().text)};
  }
  void prefetch(const routing::RecipientKey& key, Part part) const override {
    fetched += std::string(key.whole().text) + (part == Part::place ? " place;" : " record;");
  }
  net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override {
    co_return look_up_now(mailbox);
  }
  mutable std::string fetched;
};

TEST(CombinedDirectory, GivesItsPartsTheKey) {
  const Scripted file(kUnknown, "not in a.txt");
  const Keyed keyed;
  const CombinedDirectory any(Mode::any, {&file, &keyed});
  const routing::RecipientKey key("Anna", 0, false, "+");
  EXPECT_EQ(any.try_keyed(mailbox("Anna@company.ru"), key)->evidence, "by its key anna");
  EXPECT_EQ(any.try_now(mailbox("Anna@company.ru"))->presence, kUnknown);
  any.prefetch(key, Directory::Part::place);
  any.prefetch(key, Directory::Part::record);
  EXPECT_EQ(keyed.fetched, "anna place;anna record;");
}

TEST(DomainDirectories, EachDomainIsAskedInItsOwn) {
  const routing::Config config = two_domains();
  const Scripted company(kKnown, "company's");
  const DomainDirectories both(config, {&company, nullptr});
  EXPECT_TRUE(both.is_immediate());
  EXPECT_EQ(both.look_up_now(mailbox("u@tech.company.ru")).evidence, "company's");
  const DirectoryAnswer plant = both.look_up_now(mailbox("u@plant.ru"));
  EXPECT_EQ(plant.presence, kKnown);  // R9: with no directory everyone is known
  EXPECT_EQ(plant.evidence, "this domain has no directory: everyone is known");
  EXPECT_EQ(run(both, "u@corp.com").presence, kUnknown);
  const routing::RecipientKey of_company("u", 0, false, "+");
  EXPECT_EQ(both.try_keyed(mailbox("u@company.ru"), of_company)->evidence, "company's");
  const routing::RecipientKey of_plant("u", 1, false, "+");
  both.prefetch(of_plant, Directory::Part::place);  // which has nothing to fetch
  EXPECT_EQ(both.try_keyed(mailbox("u@plant.ru"), of_plant)->presence, kKnown);
}

}  // namespace
}  // namespace postern::directories::testing
