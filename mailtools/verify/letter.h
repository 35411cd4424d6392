// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace postern::verify {

/// "pv-" and twelve hex digits that nobody has used: the beginning of a run's tokens.
std::string new_run();
/// "pv-0123456789ab-S2".
std::string token_of(std::string_view run, std::string_view scenario);

/// A marked letter: kMarkField, the token in its subject and Message-ID. CRLF line ends; no line
/// begins with a dot. `host`: for the Message-ID.
std::string compose(std::string_view token,
                    std::string_view title,
                    std::string_view from,
                    std::string_view to,
                    std::string_view host,
                    std::chrono::system_clock::time_point now);

}  // namespace postern::verify
