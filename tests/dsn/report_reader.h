// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::dsn {

// A reader of reports that knows RFC 5322 and RFC 2046 only, and nothing of how they are composed.

/// Fields in order; names in lower case, values unfolded.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// The values of a field, with '|' between several; "(none)" without one.
std::string value(const Fields& fields, std::string_view name);

struct ReadPart {
  Fields fields;
  std::string body;
};

struct ReadReport {
  Fields fields;
  std::vector<ReadPart> parts;
  std::string problem;  ///< what is wrong with the octets; empty: nothing
};

ReadReport read_report(std::string_view octets);

/// The groups of fields of message/delivery-status.
std::vector<Fields> read_groups(std::string_view body);

}  // namespace postern::dsn
