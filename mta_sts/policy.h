// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// MTA-STS policies and the records that announce them (RFC 8461 section 3). Pure; any thread.

namespace postern::mta_sts {

/// What a domain asks of those who send it mail (RFC 8461 section 5).
enum class Mode : std::uint8_t {
  none,     ///< nothing: the domain has ended its use of MTA-STS
  testing,  ///< failures are reported, and mail is delivered
  enforce,  ///< what fails is not delivered
};
std::string_view name_of(Mode mode);

/// A policy that was read whole.
struct Policy {
  Mode mode = Mode::none;
  std::chrono::seconds max_age{0};  ///< at most kMostAge
  std::vector<std::string> mx;  ///< patterns in lower case, A-labels; empty under Mode::none only
  friend bool operator==(const Policy&, const Policy&) = default;
};

/// Octets of a policy that are read; a longer one is none.
inline constexpr std::size_t kMostOctets = 64U << 10;
/// Patterns of one policy.
inline constexpr std::size_t kMostPatterns = 256;
/// RFC 8461 section 3.2: "a maximum of 31557600"; a longer one counts as this.
inline constexpr std::chrono::seconds kMostAge{31'557'600};

/// The text of a policy: lines "key: value" that end in CRLF or LF; unknown keys are passed over,
/// and of keys that are there twice the first counts (section 3.2). The error is a sentence.
Result<Policy, std::string> parse_policy(std::string_view text);

/// The lines of a policy, without line ends: for files and for TLS-RPT's "policy-string".
std::vector<std::string> lines_of(const Policy& policy);

/// Is this MX host one of the policy's? "*." stands for one label (section 4.1). `host`: as the MX
/// record has it, with or without a trailing dot.
bool allows(const Policy& policy, std::string_view host);
bool mx_matches(std::string_view pattern, std::string_view host);

/// The id of the policy that these TXT records of _mta-sts.DOMAIN announce; nullopt: none, several,
/// or one that is not well-formed, all of which mean that there is no policy (section 3.1).
std::optional<std::string> announced_id(const std::vector<std::string>& records);

}  // namespace postern::mta_sts
