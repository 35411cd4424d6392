// SPDX-License-Identifier: Apache-2.0
#include "routing/cutover_list.h"

#include "tests/routing/example_config.h"

#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using Standing = CutoverList::Standing;

TEST(CutoverLists, R5ListsUsersByAddressOrLocalPart) {
  Config config = example_config();
  const TemporaryFile file("v.vetrov@company.ru\nanna\nboris@tech.company.ru\n");
  config.domains.front().cutover_file = file.path();
  const CutoverLists lists(config);
  const CutoverList* list = lists.find(config.domains.front());
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->look_up(mailbox("V.Vetrov@company.ru")).standing, Standing::listed);
  EXPECT_EQ(list->look_up(mailbox("anna+x@company.ru")).line, 2U);
  EXPECT_EQ(list->look_up(mailbox("boris@company.ru")).line, 3U);
  EXPECT_EQ(list->look_up(mailbox("clara@company.ru")).standing, Standing::not_listed);
}

TEST(CutoverLists, AreReloadedOnChange) {
  Config config = example_config();
  const TemporaryFile file("anna\n");
  config.domains.front().cutover_file = file.path();
  WatchedTable::Options at_once;
  at_once.settle = {};
  CutoverLists lists(config, at_once);
  file.replace_by("");
  EXPECT_TRUE(lists.refresh());
  const CutoverList* list = lists.find(config.domains.front());
  EXPECT_EQ(list->look_up(mailbox("anna@company.ru")).standing, Standing::not_listed);
}

TEST(CutoverLists, AFileOfTwoDomainsIsReadOnceAndADomainWithoutOneHasNone) {
  Config config = example_config();
  const TemporaryFile file("anna@company.ru\n");
  Domain second;
  second.name = "branch.ru";
  Domain third;
  third.name = "third.ru";
  config.domains.front().cutover_file = second.cutover_file = file.path();
  config.domains.insert(config.domains.end(), {second, third});
  const CutoverLists lists(config);
  EXPECT_EQ(lists.all().size(), 1U);
  EXPECT_EQ(lists.find(config.domains[0]), lists.find(config.domains[1]));
  EXPECT_EQ(lists.find(config.domains[2]), nullptr);
  EXPECT_EQ(lists.find(config.domains[1])->look_up(mailbox("anna@branch.ru")).standing,
            Standing::not_listed);
}

TEST(CutoverLists, AForeignAddressIsInNoneByItsKeyEither) {
  Config config = example_config();
  const TemporaryFile file("anna@company.ru\nboris\n");
  config.domains.front().cutover_file = file.path();
  const CutoverLists lists(config);
  const CutoverList* list = lists.find(config.domains.front());
  for (const char* local : {"anna", "boris", "anna+x"}) {
    EXPECT_EQ(list->look_up(RecipientKey(local, 0, false, "+")).standing, Standing::listed);
    const RecipientKey foreign(local, RecipientKey::kNoDomain, false, "+");
    EXPECT_EQ(list->look_up(foreign).standing, Standing::not_listed) << local;
    EXPECT_EQ(list->look_up({local, "corp.com"}).standing, Standing::not_listed) << local;
  }
}

TEST(CutoverLists, AMissingFileIsUnavailable) {
  Config config = example_config();
  config.domains.front().cutover_file = "/nonexistent/cutover.txt";
  const CutoverLists lists(config);
  const CutoverList* list = lists.find(config.domains.front());
  EXPECT_EQ(list->look_up(mailbox("anna@company.ru")).standing, Standing::unavailable);
}

}  // namespace
}  // namespace postern::routing::testing
