// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace postern::gateway {

struct Config;  // gateway/config.h

/// Lets the process open as many files as the system allows it (RLIMIT_NOFILE: the soft limit, 1024
/// by custom for programs that use select(), becomes the hard one). The limit from now on. Once,
/// before threads.
std::uint64_t raise_file_limit();

/// How many files are open at a time when the gateway has all the sessions that the config allows
/// and all the connections to its next hops: one each, and some for the hosts of domains, the spool
/// and what listens.
std::uint64_t files_wanted(const Config& config);

/// What to tell where the process may open fewer; empty: it may open enough, or nobody knows.
std::string too_few_files(const Config& config);

}  // namespace postern::gateway
