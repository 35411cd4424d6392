// SPDX-License-Identifier: Apache-2.0
#include "gateway/plugin_library.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstddef>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <utility>

namespace postern::gateway {
namespace {

/// Files that are put in place while they are being loaded are looked at so often.
constexpr int kTries = 3;

/// Which file it is. A loaded one keeps its inode, so that no other can have the number.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  friend auto operator<=>(const FileId&, const FileId&) = default;
};

/// What changes when somebody writes into it.
struct FileState {
  off_t size = 0;
  time_t seconds = 0;
  long nanoseconds = 0;
  friend bool operator==(const FileState&, const FileState&) = default;
};

struct File {
  FileId id;
  FileState state;
};

Result<File, PluginFault> look_at(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) {
    const std::string why = std::error_code(errno, std::generic_category()).message();
    return PluginFault{"missing-plugin",
                       fmt::format("{} cannot be read ({}); install the plug-in there, or leave "
                                   "the [[plugin]] out",
                                   path,
                                   why)};
  }
  File out;
  out.id = {about.st_dev, about.st_ino};
  out.state = {about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
  return out;
}

/// `path`, spelled as for no other `number`: glibc takes a name that it has loaded once for the
/// same file ever after, and looks at the file only when the name is new. Its folder stays what it
/// is, for $ORIGIN.
std::string spelled(const std::string& path, std::size_t number) {
  const std::size_t slash = path.rfind('/') + 1;
  std::string out = path.substr(0, slash);
  for (; number != 0; number /= 2)
    out += number % 2 == 1 ? "./" : "/";
  return out + path.substr(slash);
}

/// Why the file that was spelled `name` was not loaded; the message has its path already.
std::string last_error(const std::string& name) {
  const char* const said = ::dlerror();
  std::string_view out = said != nullptr ? said : "no reason given";
  if (out.starts_with(name + ": ")) out.remove_prefix(name.size() + 2);
  return printable(out, 300);
}

/// What this process has loaded.
class Libraries {
 public:
  Result<void*, PluginFault> load(const std::string& path) {
    const std::scoped_lock lock(mutex_);
    for (int i = 0; i < kTries; ++i) {
      const Result<File, PluginFault> file = look_at(path);
      if (!file) return file.error();
      if (const auto found = loaded_.find(file->id); found != loaded_.end()) {
        if (found->second.state == file->state) return found->second.library;
        return written_into(path);
      }
      ::dlerror();
      const std::string name = spelled(path, ++names_);
      void* const library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (library == nullptr) return not_loaded(path, last_error(name));
      const Result<File, PluginFault> after = look_at(path);
      if (!after || after->id != file->id) continue;  // which one was loaded?
      loaded_.emplace(file->id, Loaded{file->state, library});
      if (after->state == file->state) return library;
      return written_into(path);
    }
    return PluginFault{"bad-plugin",
                       fmt::format("{} was changed while it was loaded; reload again", path)};
  }

 private:
  struct Loaded {
    FileState state;
    void* library;
  };

  static PluginFault not_loaded(const std::string& path, const std::string& why) {
    return {"bad-plugin",
            fmt::format("{} cannot be loaded: {}; build it as a shared object for this machine "
                        "(docs/stages.md)",
                        path,
                        why)};
  }
  static PluginFault written_into(const std::string& path) {
    return {"bad-plugin",
            fmt::format("{} was written into while it is loaded; restart, and replace it by "
                        "install or mv the next time (docs/stages.md)",
                        path)};
  }

  std::mutex mutex_;
  std::map<FileId, Loaded> loaded_;
  std::size_t names_ = 0;  ///< that were used so far
};

}  // namespace

Result<void*, PluginFault> load_plugin_library(const std::string& path) {
  static Libraries libraries;
  return libraries.load(path);
}

}  // namespace postern::gateway
