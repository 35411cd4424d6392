// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls_report/tally.h"

#include <chrono>
#include <string>
#include <string_view>

// Reports as they are sent (RFC 8460 sections 4 and 5). Pure; any thread.

namespace postern::tls_report {

/// Beside the counts, what a report says.
struct Facts {
  std::string organization;
  std::string contact;        ///< an address or a URL
  std::string from;           ///< whom the mail is from: a mailbox
  std::string submitter;      ///< the gateway's host name
  std::string domain;         ///< whose policies it is about
  std::string id;             ///< unique; letters, digits, '.', '-'
  std::chrono::sys_days day;  ///< the UTC day that it is about
  std::chrono::system_clock::time_point now;
};

/// The report itself (section 4.4), one line.
std::string report_json(const Facts& facts, const Day::Policies& policies);

/// RFC 1952; for "application/tlsrpt+gzip".
std::string gzip(std::string_view octets);

/// "gw.example!example.net!1470009600!1470095999!001.json.gz" (section 5.1).
std::string file_name(const Facts& facts);

/// The letter to one mailbox (section 5.3): header block and body, CRLF line ends, ASCII.
/// `to`: as destination_of() gives it; `packed`: the report, by gzip().
std::string report_letter(const Facts& facts, const std::string& to, std::string_view packed);

}  // namespace postern::tls_report
