// SPDX-License-Identifier: Apache-2.0
#include "gateway/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

namespace postern::gateway {
namespace {

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::error:
      break;
  }
  return "error";
}

}  // namespace

std::string on_one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) {
      out += fmt::format("\\x{:02x}", octet);
    } else {
      out += c;
    }
  }
  return out;
}

int exit_status(const std::vector<Finding>& findings) {
  int status = 0;
  for (const Finding& finding : findings) {
    status = std::max(status, static_cast<int>(finding.severity));
  }
  return status;
}

std::string format_text(const Finding& finding) {
  std::string out = finding.file;
  if (finding.line != 0) out += fmt::format(":{}:{}", finding.line, finding.column);
  out += fmt::format(": {}: ", severity_name(finding.severity));
  if (!finding.key.empty()) out += finding.key + ": ";
  return out + fmt::format("{} [{}]", finding.message, finding.code);
}

std::string format_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({
        {"severity", severity_name(finding.severity)},
        {"file",     finding.file                   },
        {"line",     finding.line                   },
        {"column",   finding.column                 },
        {"key",      finding.key                    },
        {"message",  finding.message                },
        {"code",     finding.code                   }
    });
  }
  const nlohmann::ordered_json all = {
      {"status",   exit_status(findings)},
      {"findings", list                 }
  };
  return all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void sort_by_place(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
}

}  // namespace postern::gateway
