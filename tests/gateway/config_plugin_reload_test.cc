// SPDX-License-Identifier: Apache-2.0
// [[plugin]]: what a reload does with a file that was put in the place of a loaded one.
#include "gateway/plugin_library.h"
#include "gateway/snapshot.h"
#include "tests/gateway/config_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdlib.h>

namespace postern::gateway {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PluginReload : public testing::Test {
 protected:
  PluginReload() {
    std::string name = (fs::temp_directory_path() / "postern-plugin-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path = folder_ / "site.so";
  }
  ~PluginReload() override { fs::remove_all(folder_); }

  static fs::path built(const std::string& name) {
    return fs::path(POSTERN_TEST_PLUGINS) / (name + ".so");
  }
  /// As `install` and `mv` do: another file gets the name.
  void put(const std::string& name) const {
    const fs::path beside = folder_ / "new";
    fs::copy_file(built(name), beside);
    fs::rename(beside, path);
  }
  LoadResult load() const {
    return load_config_text(std::string(kSmall) + "[[plugin]]\npath = \"" + path.string() +
                                "\"\n[routing]\nstages = [\"relay_access\", \"version\"]\n",
                            "t.toml",
                            Environment{});
  }
  /// What a reload makes of the file that is there.
  std::shared_ptr<const Snapshot> snapshot() const {
    LoadResult loaded = load();
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    if (!loaded.config) return nullptr;
    const auto built = Snapshot::build(std::move(*loaded.config));
    EXPECT_TRUE(built) << (built ? "" : shown(built.error()));
    return built ? *built : nullptr;
  }
  static std::string verdict(const Snapshot& snapshot) {
    const smtp::Sender sender{smtp::ReversePath(*smtp::Mailbox::parse("nina@corp.com")), {}};
    routing::Request request;
    request.client = *parse_ip("10.0.0.5");
    request.listener = "mx";
    request.sender = &sender;
    request.recipient = *smtp::Mailbox::parse("u@company.ru");
    return std::string(snapshot.pipeline().decide_now(request)->reason());
  }

  fs::path path;

 private:
  fs::path folder_;
};

TEST_F(PluginReload, TakesAReplacedFileBesideTheOldOne) {
  put("version_1");
  const auto before = snapshot();
  ASSERT_TRUE(before);
  EXPECT_EQ(verdict(*before), "version 1");
  put("version_2");
  const auto after = snapshot();
  ASSERT_TRUE(after);
  EXPECT_EQ(verdict(*after), "version 2");
  EXPECT_EQ(verdict(*before), "version 1") << "letters under way keep what they began with";
  put("version_1");
  const auto back = snapshot();
  ASSERT_TRUE(back);
  EXPECT_EQ(verdict(*back), "version 1");
}

TEST_F(PluginReload, LoadsAFileThatIsTheSameOnce) {
  put("version_1");
  const auto first = load_plugin_library(path);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(*load_plugin_library(path), *first);
  const fs::path link = path.parent_path() / "link.so";
  fs::create_symlink(path, link);
  EXPECT_EQ(*load_plugin_library(link), *first);
  put("version_1");
  EXPECT_NE(*load_plugin_library(path), *first);
}

TEST_F(PluginReload, TakesAMendedFileWhereTheFirstCouldNotBeLoaded) {
  std::ofstream(path) << "no library";
  EXPECT_FALSE(load().config);
  put("version_2");
  const auto mended = snapshot();
  ASSERT_TRUE(mended);
  EXPECT_EQ(verdict(*mended), "version 2");
}

TEST_F(PluginReload, RefusesALoadedFileThatWasWrittenInto) {
  put("version_1");
  ASSERT_TRUE(snapshot());
  // At its end, where nothing is mapped: the test must outlive it.
  std::ofstream(path, std::ios::app) << "more";
  const LoadResult loaded = load();
  EXPECT_FALSE(loaded.config);
  ASSERT_EQ(loaded.findings.size(), 1U) << shown(loaded.findings);
  EXPECT_EQ(loaded.findings[0].code, "bad-plugin");
  EXPECT_EQ(loaded.findings[0].key, "plugin.path");
  EXPECT_THAT(loaded.findings[0].message, HasSubstr("was written into while it is loaded"));
}

}  // namespace
}  // namespace postern::gateway
