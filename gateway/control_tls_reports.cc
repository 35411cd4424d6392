// SPDX-License-Identifier: Apache-2.0
// `postern tls-report` on the gateway's side.
#include "gateway/control_commands.h"
#include "gateway/tls_reporter.h"
#include "tls_report/ledger.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace postern::gateway {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

/// A line for each report of the day, or how many were sent.
void ControlCommands::tls_report(const ControlRequest& request) {
  if (target_.tls_reports == nullptr) return sink_.refuse("nothing is counted for TLS reports");
  TlsReporter& reports = *target_.tls_reports;
  if (!reports.is_on())
    return sink_.refuse("no TLS reports are made; tls_report.from says whom they are from");
  const auto day = request.day.empty() ? reports.today() : tls_report::parse_day(request.day);
  if (!day)
    return sink_.refuse(
        fmt::format("\"{}\" is no day; write one like \"2026-11-30\"", request.day));
  Json result;
  if (request.send) {
    const TlsReporter::Sent sent = reports.send_now(*day);
    if (sent.broken_off) return sink_.refuse("the gateway ends: what was not sent is sent later");
    result["sent"] = sent.reports;
    result["unwanted"] = sent.unwanted;
    result["failed"] = sent.failed;
    return sink_.done(std::move(result));
  }
  const std::vector<std::string> reported = reports.preview(*day);
  for (const std::string& report : reported)
    sink_.line(Json{
        {"report", Json::parse(report)}
    });
  result["reports"] = reported.size();
  sink_.done(std::move(result));
}

}  // namespace postern::gateway
