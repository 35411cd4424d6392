// SPDX-License-Identifier: Apache-2.0
#include "auth/password_hash.h"

#include "auth/scram_keys.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <crypt.h>
#include <memory>

namespace postern::auth {
namespace {

struct Method {
  std::string_view prefix;
  std::size_t digest;  ///< characters behind the last "$", of bcrypt with its salt
};
constexpr std::array<Method, 7> kMethods{
    {
     {"$y$", 43},
     {"$gy$", 43},
     {"$7$", 43},
     {"$2b$", 53},
     {"$2y$", 53},
     {"$6$", 86},
     {"$5$", 43},
     }
};

/// crypt(3) keeps the password in there: it is wiped.
class Workspace {
 public:
  ~Workspace() { OPENSSL_cleanse(data_.get(), sizeof(crypt_data)); }
  /// Null: it failed.
  const char* hash(const std::string& password, const char* setting) {
    return crypt_rn(password.c_str(), setting, data_.get(), sizeof(crypt_data));
  }

 private:
  std::unique_ptr<crypt_data> data_ = std::make_unique<crypt_data>();
};

}  // namespace

bool is_password_hash(std::string_view text) {
  if (text.find_first_of(" \t\r:*!") != std::string_view::npos) return false;
  for (const Method& method : kMethods) {
    if (!text.starts_with(method.prefix)) continue;
    const std::size_t last = text.rfind('$');
    if (last + 1 <= method.prefix.size() || text.size() - last - 1 != method.digest) return false;
    const int checked = crypt_checksalt(std::string(text).c_str());
    return checked == CRYPT_SALT_OK || checked == CRYPT_SALT_TOO_CHEAP;
  }
  return false;
}

bool matches_hash(const std::string& hash, const std::string& password) {
  Workspace workspace;
  const char* const made = workspace.hash(password, hash.c_str());
  return made != nullptr && is_password_hash(hash) && equal_in_constant_time(made, hash);
}

std::string hash_password(const std::string& password, HashMethod method) {
  const char* const prefix = method == HashMethod::yescrypt ? "$y$" : "$6$";
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  const char* const made =
      crypt_gensalt_rn(prefix, 0, nullptr, 0, setting.data(), static_cast<int>(setting.size()));
  if (made == nullptr) return {};
  Workspace workspace;
  const char* const hash = workspace.hash(password, setting.data());
  return hash == nullptr ? std::string() : std::string(hash);
}

}  // namespace postern::auth
