// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/policy.h"

#include <utility>

namespace postern::dsn {

bool is_wanted(const smtp::Notify& notify, Action action) {
  if (notify.never) return false;
  switch (action) {
    case Action::failed:
      return notify.failure || !notify.specified();
    case Action::delayed:
      return notify.delay || !notify.specified();
    case Action::delivered:
    case Action::relayed:
    case Action::expanded:
      break;
  }
  return notify.success;
}

std::vector<ReportedRecipient> reported(const smtp::ReversePath& sender,
                                        std::vector<ReportedRecipient> recipients) {
  if (sender.is_null()) return {};
  std::erase_if(recipients, [](const ReportedRecipient& r) {
    return !is_wanted(r.recipient.parameters.notify, r.action);
  });
  return recipients;
}

std::optional<Action> on_taken(const smtp::Notify& notify, bool hop_offers_dsn) {
  if (hop_offers_dsn || !is_wanted(notify, Action::relayed)) return std::nullopt;
  return Action::relayed;
}

smtp::Sender report_sender(const Report& report) {
  smtp::Sender out;
  out.parameters.size = report.octets.size();
  out.parameters.smtputf8 = report.needs_smtputf8;
  out.parameters.requiretls = report.needs_requiretls;
  if (report.needs_8bitmime) out.parameters.body = smtp::Body::eight_bit_mime;
  return out;
}

}  // namespace postern::dsn
