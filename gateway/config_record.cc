// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"

namespace postern::gateway {

void read_record(Reader& reader, Section& section) {
  RecordConfig& record = reader.config.record;
  section.read<std::size_t>("envelopes", record.envelopes, 0, RecordConfig::kMost);
  section.read("hash", record.hash);
}

}  // namespace postern::gateway
