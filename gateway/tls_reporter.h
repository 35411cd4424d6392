// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "dns/resolver.h"
#include "gateway/config_tls_reports.h"
#include "mta_sts/https_client.h"
#include "queue/tls_outcome.h"
#include "tls_report/tally.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace postern::gateway {

/// Counts how TLS towards other domains goes, and tells these domains once a day (TLS-RPT, RFC
/// 8460): by mail through the gateway's own queue, or by HTTPS. Reports are made while the config
/// has `tls_report.from`. One for the process, with a thread of its own; outlives the workers.
class TlsReporter : public queue::TlsObserver {
 public:
  using WallTime = std::chrono::system_clock::time_point;
  /// A report as mail, from the null sender.
  struct Letter {
    std::string to;
    std::string octets;
  };
  struct Options {
    std::string folder;                       ///< of counts that wait; empty: in memory alone
    std::string hostname;                     ///< the gateway's, as "submitter"
    std::function<TlsReportConfig()> config;  ///< of this moment; any thread
    mta_sts::HttpsClient::Options https;
    std::function<std::unique_ptr<dns::Resolver>(net::Executor)> resolver;
    /// Puts a letter into the queue; the second is called once, on any thread: is it safe there?
    std::function<void(Letter, std::function<void(bool)>)> send;
    std::function<WallTime()> now = [] { return std::chrono::system_clock::now(); };
    /// Reports go so long after the day's end, so that not everybody sends at midnight.
    std::chrono::seconds delay{3600};
    std::chrono::milliseconds look{60'000};  ///< pause between two looks, and between two writes
  };

  explicit TlsReporter(Options options);
  ~TlsReporter() override;

  /// Any thread.
  void seen(const queue::TlsOutcome& outcome) override;

  /// The reports of a day as they would be at this moment, each one line of JSON. Any thread.
  std::vector<std::string> preview(std::chrono::sys_days day) const;
  struct Sent {
    std::size_t reports = 0;   ///< handed over to somebody who wants them
    std::size_t unwanted = 0;  ///< domains that want none
    std::size_t failed = 0;    ///< are tried again
    bool broken_off = false;   ///< stop() came in between; what was not sent is kept
  };
  /// Sends the reports of a day now. Waits until stop() at most; not on an io thread.
  Sent send_now(std::chrono::sys_days day);
  /// The config has reports made. Any thread.
  bool is_on() const;
  /// The UTC day of this moment.
  std::chrono::sys_days today() const;

  /// Nothing is sent any more; what is counted goes on to be kept. The owner's thread.
  void stop();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace postern::gateway
