// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls/context.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace postern::test {

/// A directory of its own that goes away with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory&&) = delete;
  std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

enum class KeyType { ecdsa, rsa };

/// Makes a self-signed certificate for `host` with a fresh key, writes both as PEM and returns
/// where. With a passphrase the key is encrypted. Throws std::runtime_error when that fails.
tls::KeyPair make_certificate(const TemporaryDirectory& directory,
                              std::string_view host,
                              KeyType type,
                              std::string_view passphrase = {});

}  // namespace postern::test
