// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"
#include "smtp/address.h"

// [mta_sts] [tls_report]

namespace postern::gateway {

void read_mta_sts(Reader& reader, Section& section) {
  section.read("ca", reader.config.mta_sts.ca);
}

void read_tls_report(Reader& reader, Section& section) {
  TlsReportConfig& report = reader.config.tls_report;
  section.read("from", report.from);
  section.read("organization", report.organization);
  section.read("contact", report.contact);
  if (report.from.empty()) return;
  const auto mailbox = smtp::Mailbox::parse(report.from);
  if (!mailbox || !mailbox->has_domain() || mailbox->is_literal_domain()) {
    section.fail("from",
                 "bad-address",
                 fmt::format("\"{}\" is not a mailbox; write \"postmaster@company.ru\", whom the "
                             "domains' administrators can answer",
                             report.from));
    return;
  }
  if (report.organization.empty()) report.organization = std::string(mailbox->domain());
  if (report.contact.empty()) report.contact = report.from;
}

}  // namespace postern::gateway
