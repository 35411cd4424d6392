// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"
#include "gateway/config.h"
#include "gateway/config_values.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace postern;
using namespace postern::gateway;

void require(bool holds) {
  if (!holds) std::abort();
}

/// What everybody behind the reader relies on.
void require_sound(const Config& config) {
  require(!routing::find_broken_reference(config.routing));
  for (const ListenerConfig& listener : config.listeners) {
    require(!listener.name.empty() && config.find_listener(listener.name) == &listener);
    require(static_cast<bool>(parse_bind(listener.bind)));
    require(listener.max_message_size > 0 && listener.max_recipients > 0);
    require(listener.tls == ListenerTls::none || !config.tls.certificates.empty());
    require(listener.from.empty() || config.routing.find_next_hop(listener.from) != nullptr);
  }
  for (const routing::NextHop& hop : config.routing.next_hops) {
    require(!hop.hosts.empty() && config.routing.find_next_hop(hop.name) == &hop);
    for (const routing::HostSpec& host : hop.hosts) {
      const Parsed<routing::HostSpec> again = parse_host(host.str());
      require(again && again->str() == host.str());
    }
    require(hop.tls_settings.pins.empty() || hop.tls == routing::TlsLevel::verify);
    for (const std::string& pin : hop.tls_settings.pins)
      require(pin.size() == 32);
  }
  for (const routing::TlsPolicy& policy : config.routing.tls_policies)
    require(!policy.domains.empty() &&
            (policy.settings.pins.empty() || policy.settings.ca.empty()));
  for (const routing::Domain& domain : config.routing.domains) {
    require(domain.deliver_as == routing::DeliverAs::main || !domain.aliases.empty());
  }
  require(config.hostname == config.routing.hostname && !config.data_dir.empty());
}

}  // namespace

/// Any text is either a sound config or at least one error with a place; and the same text says the
/// same twice. Files that it names are not touched.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Environment env;
  const LoadResult first = parse_config(text, "fuzz.toml", env);
  const LoadResult second = parse_config(text, "fuzz.toml", env);
  require(first.findings == second.findings);
  require(first.config.has_value() == second.config.has_value());
  require(first.config.has_value() == (exit_status(first.findings) < 2));
  for (const Finding& finding : first.findings) {
    require(!finding.code.empty() && !finding.message.empty());
    require(format_text(finding).find('\n') == std::string::npos);
  }
  if (first.config) {
    require_sound(*first.config);
    require(first.config->positions == second.config->positions);
  }
  return 0;
}
