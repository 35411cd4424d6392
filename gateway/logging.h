// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "gateway/letter_log.h"

#include <memory>
#include <string>

namespace postern::gateway {

struct LogConfig;  // gateway/config.h

/// Starts logging as the config says: spdlog's default logger, written by one thread
/// (line_writer.h). The error names the file and why it cannot be written. Call once, before
/// threads; shut_down_logging() writes what is left.
Result<std::shared_ptr<LetterLog>, std::string> start_logging(const LogConfig& config);
void shut_down_logging();

/// Opens the log file anew (after logrotate moved it): SIGHUP. When that fails the old one goes on,
/// and the error says why. Any thread.
Result<void, std::string> reopen_log();

}  // namespace postern::gateway
