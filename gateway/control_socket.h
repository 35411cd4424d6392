// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace postern::gateway {

/// data_dir/control as an address of a Unix socket, whose path may have 107 octets at most: a
/// longer one goes through a descriptor of its directory, which this owns. Server and client alike.
class ControlAddress {
 public:
  explicit ControlAddress(const std::string& path);
  ~ControlAddress();
  ControlAddress(const ControlAddress&) = delete;
  ControlAddress& operator=(const ControlAddress&) = delete;

  /// What to bind or connect to, as long as this lives; empty: the directory cannot be opened
  /// (errno says why).
  const std::string& name() const { return name_; }

 private:
  int directory_ = -1;
  std::string name_;
};

/// The socket of a data_dir.
std::string control_path(const std::string& data_dir);

}  // namespace postern::gateway
