// SPDX-License-Identifier: Apache-2.0
#include "tls_report/report.h"

#include "base/base64.h"
#include "base/date.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <zlib.h>

namespace postern::tls_report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, gzip's frame
constexpr int kMemoryLevel = 8;
constexpr std::size_t kBase64Line = 76;
constexpr std::chrono::seconds kDayLength{86'400};

std::int64_t seconds_of(std::chrono::sys_days day) {
  return std::chrono::duration_cast<std::chrono::seconds>(day.time_since_epoch()).count();
}

/// RFC 3339, UTC.
std::string date_time(std::int64_t seconds) {
  const auto when = static_cast<std::time_t>(seconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(when));
}

Json failure_json(const FailureTally& failure) {
  Json out;
  out["result-type"] = failure.result;
  if (!failure.mx_host.empty()) out["receiving-mx-hostname"] = failure.mx_host;
  if (!failure.receiving_ip.empty()) out["receiving-ip"] = failure.receiving_ip;
  out["failed-session-count"] = failure.count;
  if (!failure.detail.empty()) out["failure-reason-code"] = failure.detail;
  return out;
}

Json policy_json(const std::string& domain, const PolicyTally& tally) {
  Json policy;
  policy["policy-type"] = tally.type;
  if (!tally.policy.empty()) policy["policy-string"] = tally.policy;
  policy["policy-domain"] = domain;
  if (!tally.mx_patterns.empty()) policy["mx-host"] = tally.mx_patterns;
  Json out;
  out["policy"] = std::move(policy);
  out["summary"]["total-successful-session-count"] = tally.successes;
  out["summary"]["total-failure-session-count"] = tally.failed();
  for (const FailureTally& failure : tally.failures)
    out["failure-details"].push_back(failure_json(failure));
  return out;
}

/// What goes into header fields and quoted strings: visible ASCII, no quotes.
std::string tame(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(),
      out.end(),
      [](char c) { return c < ' ' || c > '~' || c == '"' || c == '\\'; },
      '_');
  return out;
}

std::string in_lines(std::string_view base64) {
  std::string out;
  for (; !base64.empty(); base64.remove_prefix(std::min(kBase64Line, base64.size())))
    out.append(base64.substr(0, kBase64Line)).append("\r\n");
  return out;
}

std::string header(const Facts& facts, const std::string& to, const std::string& boundary) {
  std::string out;
  const auto add = [&out](std::string_view name, const std::string& value) {
    out += fmt::format("{}: {}\r\n", name, value);
  };
  const std::string domain = tame(facts.domain);
  const std::string submitter = tame(facts.submitter);
  add("Date", rfc5322_date(facts.now));
  add("From", "<" + tame(facts.from) + ">");
  add("To", "<" + tame(to) + ">");
  add("Subject",
      fmt::format("Report Domain: {}\r\n Submitter: {}\r\n Report-ID: <{}@{}>",
                  domain,
                  submitter,
                  tame(facts.id),
                  submitter));
  add("Message-ID", fmt::format("<tlsrpt.{}@{}>", tame(facts.id), submitter));
  add("TLS-Report-Domain", domain);
  add("TLS-Report-Submitter", submitter);
  // RFC 8460 section 3: the way to those who shall hear of failures must not fail with them.
  add("TLS-Required", "No");
  add("Auto-Submitted", "auto-generated");
  add("MIME-Version", "1.0");
  add("Content-Type",
      fmt::format("multipart/report; report-type=\"tlsrpt\";\r\n\tboundary=\"{}\"", boundary));
  return out + "\r\n";
}

}  // namespace

std::string report_json(const Facts& facts, const Day::Policies& policies) {
  const std::int64_t begin = seconds_of(facts.day);
  Json out;
  out["organization-name"] = facts.organization;
  out["date-range"]["start-datetime"] = date_time(begin);
  out["date-range"]["end-datetime"] = date_time(begin + kDayLength.count() - 1);
  out["contact-info"] = facts.contact;
  out["report-id"] = facts.id;
  out["policies"] = Json::array();
  for (const PolicyTally& policy : policies)
    out["policies"].push_back(policy_json(facts.domain, policy));
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string gzip(std::string_view octets) {
  z_stream stream{};
  if (::deflateInit2(&stream,
                     Z_DEFAULT_COMPRESSION,
                     Z_DEFLATED,
                     kGzipWindow,
                     kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK)
    return {};
  std::string in(octets);
  std::string out;
  out.resize(::deflateBound(&stream, static_cast<uLong>(in.size())));
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = ::deflate(&stream, Z_FINISH);
  out.resize(status == Z_STREAM_END ? stream.total_out : 0);
  ::deflateEnd(&stream);
  return out;
}

std::string file_name(const Facts& facts) {
  const std::int64_t begin = seconds_of(facts.day);
  return fmt::format("{}!{}!{}!{}!{}.json.gz",
                     tame(facts.submitter),
                     tame(facts.domain),
                     begin,
                     begin + kDayLength.count() - 1,
                     tame(facts.id));
}

std::string report_letter(const Facts& facts, const std::string& to, std::string_view packed) {
  // Neither Base64 nor the sentence below can hold an underscore behind an equals sign.
  const std::string boundary = "=_tlsrpt_" + tame(facts.id);
  std::string out = header(facts, to, boundary);
  out += fmt::format(
      "--{0}\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: "
      "7bit\r\n\r\n"
      "This is an aggregate TLS report from {1} about mail to {2}.\r\n\r\n",
      boundary,
      tame(facts.submitter),
      tame(facts.domain));
  out += fmt::format(
      "--{0}\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n"
      "Content-Disposition: attachment;\r\n\tfilename=\"{1}\"\r\n\r\n{2}\r\n--{0}--\r\n",
      boundary,
      file_name(facts),
      in_lines(to_base64(packed)));
  return out;
}

}  // namespace postern::tls_report
