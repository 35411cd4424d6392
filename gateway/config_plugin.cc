// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"

// [[plugin]]: docs/stages.md. Reading a config loads none: gateway/plugins.h.

namespace postern::gateway {
namespace {

void read_plugin(Reader& reader, Section& section) {
  PluginConfig plugin;
  section.read("path", plugin.path, Need::required);
  if (!plugin.path.empty() && !plugin.path.starts_with('/')) {
    section.fail("path",
                 "bad-value",
                 fmt::format("\"{}\" is no path from the root on; write \"/usr/local/lib/postern/"
                             "vip.so\"",
                             plugin.path));
  }
  if (const Node* options = section.table("options")) {
    for (const Member& option : options->members) {
      if (option.value.kind == Node::Kind::string) {
        plugin.options.emplace(option.key, option.value.string);
        continue;
      }
      section.fail("options",
                   "wrong-type",
                   fmt::format("\"{}\" is {}; options are texts, write {} = \"...\"",
                               option.key,
                               kind_name(option.value.kind),
                               option.key));
    }
  }
  section.each("replaces", [&plugin](const std::string& /*path*/, const std::string& text) {
    plugin.replaces.push_back(text);
  });
  reader.config.plugins.push_back(std::move(plugin));
}

}  // namespace

void read_plugins(Reader& reader, Section& top) {
  top.each_table("plugin", [&reader](Section& section) { read_plugin(reader, section); });
}

}  // namespace postern::gateway
