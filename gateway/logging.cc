// SPDX-License-Identifier: Apache-2.0
#include "gateway/logging.h"

#include "gateway/config.h"

#include <spdlog/async.h>
#include <spdlog/details/file_helper.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

namespace postern::gateway {
namespace {

/// Lines that may wait for the writer; beyond it sessions wait: a line that says where a letter
/// went is not lost.
constexpr std::size_t kQueuedLines = 16384;

/// A file that can be opened anew under the same name, after logrotate has moved it.
class LogFile final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LogFile(std::string path) : path_(std::move(path)), file_(open()) {}
  /// Throws what spdlog throws when the file cannot be opened; the old one is then still written.
  void reopen() {
    std::unique_ptr<spdlog::details::file_helper> fresh = open();
    const std::lock_guard lock(mutex_);
    file_.swap(fresh);
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_->write(line);
  }
  void flush_() override { file_->flush(); }
  std::unique_ptr<spdlog::details::file_helper> open() const {
    auto file = std::make_unique<spdlog::details::file_helper>();
    file->open(path_);
    return file;
  }

  std::string path_;
  std::unique_ptr<spdlog::details::file_helper> file_;
};

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

std::shared_ptr<LogFile>& log_file() {
  static std::shared_ptr<LogFile> file;
  return file;
}

}  // namespace

Result<std::shared_ptr<LetterLog>, std::string> start_logging(const LogConfig& config) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  try {
    if (config.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      log_file() = std::make_shared<LogFile>(config.file);
      sink = log_file();
    }
  } catch (const spdlog::spdlog_ex& e) {
    return std::string("log.file: ") + e.what();
  }
  sink->set_formatter(formatter(config.format));
  spdlog::init_thread_pool(kQueuedLines, 1);
  auto logger = std::make_shared<spdlog::async_logger>(
      "postern", sink, spdlog::thread_pool(), spdlog::async_overflow_policy::block);
  logger->set_level(spdlog::level::from_str(config.level));
  spdlog::set_default_logger(logger);
  spdlog::flush_every(std::chrono::seconds(1));
  return std::make_shared<LetterLog>(logger, config.format);
}

void shut_down_logging() {
  spdlog::shutdown();
  log_file().reset();
}

Result<void, std::string> reopen_log() {
  if (!log_file()) return {};
  try {
    log_file()->reopen();
  } catch (const spdlog::spdlog_ex& e) {
    return std::string("log.file: ") + e.what();
  }
  return {};
}

}  // namespace postern::gateway
