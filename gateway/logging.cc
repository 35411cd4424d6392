// SPDX-License-Identifier: Apache-2.0
#include "gateway/logging.h"

#include "gateway/config.h"
#include "gateway/line_writer.h"

#include <spdlog/details/file_helper.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

namespace postern::gateway {
namespace {

/// A file that can be opened anew under the same name, after logrotate has moved it.
class LogFile {
 public:
  explicit LogFile(std::string path) : path_(std::move(path)), file_(open()) {}
  void write(const spdlog::memory_buf_t& lines) {
    const std::lock_guard lock(mutex_);
    file_->write(lines);
    file_->flush();
  }
  /// Throws what spdlog throws when the file cannot be opened; the old one is then still written.
  void reopen() {
    std::unique_ptr<spdlog::details::file_helper> fresh = open();
    const std::lock_guard lock(mutex_);
    file_.swap(fresh);
  }

 private:
  std::unique_ptr<spdlog::details::file_helper> open() const {
    auto file = std::make_unique<spdlog::details::file_helper>();
    file->open(path_);
    return file;
  }

  std::mutex mutex_;
  std::string path_;
  std::unique_ptr<spdlog::details::file_helper> file_;
};

void write_to_stderr(const spdlog::memory_buf_t& lines) {
  if (std::fwrite(lines.data(), 1, lines.size(), stderr) == lines.size()) return;
  throw spdlog::spdlog_ex("standard error", errno);
}

/// The rest of a JSON line: a letter's record is an object already and is opened into the line;
/// other text becomes the member "message".
class JsonRest final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message,
              const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    const std::string_view payload(message.payload.data(), message.payload.size());
    if (payload.starts_with('{')) {
      out.append(payload.data() + 1, payload.data() + payload.size());
      return;
    }
    const nlohmann::json text = std::string(payload);
    const std::string rest =
        "\"message\":" + text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "}";
    out.append(rest.data(), rest.data() + rest.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonRest>();
  }
};

std::unique_ptr<spdlog::pattern_formatter> formatter(LogFormat format) {
  auto out = std::make_unique<spdlog::pattern_formatter>();
  out->add_flag<JsonRest>('*');
  out->set_pattern(format == LogFormat::json
                       ? "{\"time\":\"%Y-%m-%dT%H:%M:%S.%e%z\",\"level\":\"%l\",%*"
                       : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  return out;
}

/// What start_logging() has made: the file, null for standard error, and who writes.
struct Log {
  std::shared_ptr<LogFile> file;
  std::shared_ptr<LineWriter> writer;
};

Log& the_log() {
  static Log log;
  return log;
}

}  // namespace

Result<std::shared_ptr<LetterLog>, std::string> start_logging(const LogConfig& config) {
  Log log;
  LineWriter::Output output = write_to_stderr;
  if (!config.file.empty()) {
    try {
      log.file = std::make_shared<LogFile>(config.file);
    } catch (const spdlog::spdlog_ex& e) {
      return std::string("log.file: ") + e.what();
    }
    output = [file = log.file](const spdlog::memory_buf_t& lines) { file->write(lines); };
  }
  log.writer = std::make_shared<LineWriter>(formatter(config.format), std::move(output));
  auto logger = std::make_shared<spdlog::logger>("postern", log.writer);
  logger->set_level(spdlog::level::from_str(config.level));
  spdlog::set_default_logger(logger);
  the_log() = std::move(log);
  return std::make_shared<LetterLog>(logger, config.format);
}

void shut_down_logging() {
  if (the_log().writer) the_log().writer->stop();
  spdlog::shutdown();
  the_log() = {};
}

Result<void, std::string> reopen_log() {
  if (!the_log().file) return {};
  try {
    the_log().file->reopen();
  } catch (const spdlog::spdlog_ex& e) {
    return std::string("log.file: ") + e.what();
  }
  return {};
}

}  // namespace postern::gateway
