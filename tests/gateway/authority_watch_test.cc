// SPDX-License-Identifier: Apache-2.0
#include "gateway/authority_watch.h"

#include "support/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace postern::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AuthorityWatchTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }
  const test::Folder folder;
  AuthorityWatch watch;
};

TEST_F(AuthorityWatchTest, TellsAFileThatHasChangedOnceItStaysAsItIs) {
  write("a.pem", "a");
  write("b.pem", "b");
  watch.taken({"", path("a.pem"), path("b.pem")});
  EXPECT_THAT(watch.changed(), IsEmpty());
  write("b.pem", "half");
  EXPECT_THAT(watch.changed(), IsEmpty()) << "it may be written yet";
  write("b.pem", "half, and whole");
  EXPECT_THAT(watch.changed(), IsEmpty()) << "and so it is";
  EXPECT_THAT(watch.changed(), ElementsAre(path("b.pem")));
  EXPECT_THAT(watch.changed(), ElementsAre(path("b.pem"))) << "until it is taken";
  watch.taken({path("a.pem"), path("b.pem")});
  EXPECT_THAT(watch.changed(), IsEmpty());
}

TEST_F(AuthorityWatchTest, TellsAFileThatAnotherHasTakenThePlaceOf) {
  write("a.pem", "a");
  watch.taken({path("a.pem")});
  write("new", "b");
  std::filesystem::rename(path("new"), path("a.pem"));
  EXPECT_THAT(watch.changed(), IsEmpty());
  EXPECT_THAT(watch.changed(), ElementsAre(path("a.pem")));
}

TEST_F(AuthorityWatchTest, AFileThatIsGoneIsNotToldAndOneThatComesIs) {
  write("a.pem", "a");
  watch.taken({path("a.pem"), path("later.pem")});
  std::filesystem::remove(path("a.pem"));
  for (int looks = 0; looks < 3; ++looks)
    EXPECT_THAT(watch.changed(), IsEmpty());
  write("later.pem", "c");
  EXPECT_THAT(watch.changed(), IsEmpty());
  EXPECT_THAT(watch.changed(), ElementsAre(path("later.pem")));
}

TEST_F(AuthorityWatchTest, ForgetsWhatIsUsedNoMore) {
  write("a.pem", "a");
  watch.taken({path("a.pem")});
  watch.taken({});
  write("a.pem", "another");
  watch.changed();
  EXPECT_THAT(watch.changed(), IsEmpty());
}

}  // namespace
}  // namespace postern::gateway
