// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"

#include <algorithm>
#include <map>

// [[wave]].

namespace postern::gateway {
namespace {

using routing::WaveState;

/// A name stands on command lines and in the log of changes: one word.
bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-' || static_cast<signed char>(c) < 0;
  });
}

void read_wave(Reader& reader, Section& section) {
  routing::WaveConfig wave;
  section.read("name", wave.name, Need::required);
  if (!wave.name.empty() && !is_name(wave.name)) {
    section.fail("name",
                 "bad-value",
                 fmt::format("\"{}\" is no name of a wave; write letters, digits, \".\", \"_\" and "
                             "\"-\" alone, such as \"pilot\"",
                             wave.name));
  }
  section.read("members", wave.members, Need::required);
  if (wave.members.starts_with('/')) {
    section.fail("members",
                 "bad-value",
                 fmt::format("\"{0}\" does not say what it is; write \"file:{0}\"", wave.members));
  } else if (!wave.members.empty()) {
    check_setting(section, "members", wave.members);
  }
  section.read<WaveState>("state",
                          wave.state,
                          {
                              {"planned",     WaveState::planned    },
                              {"dual",        WaveState::dual       },
                              {"cutover",     WaveState::cutover    },
                              {"rolled_back", WaveState::rolled_back}
  });
  section.read("domain", wave.domain);
  if (!wave.domain.empty()) {
    const Parsed<std::string> domain = parse_domain(wave.domain);
    if (domain) wave.domain = *domain;
    if (!domain) section.fail("domain", "bad-domain", domain.error().text);
  }
  reader.config.routing.waves.push_back(std::move(wave));
}

/// The main domain that a name belongs to is what to write instead of it.
void check_domain(Reader& reader, const std::string& path, const std::string& name) {
  std::vector<std::string> names;
  std::string main_name;
  for (const routing::Domain& domain : reader.config.routing.domains) {
    if (domain.name == name) return;
    names.push_back(domain.name);
    const auto& aliases = domain.aliases;
    if (std::find(aliases.begin(), aliases.end(), name) != aliases.end()) main_name = domain.name;
  }
  std::string advice = "write a [[domain]] of that name";
  if (!main_name.empty()) {
    advice = fmt::format("it is an alias; write \"{}\"", main_name);
  } else if (!names.empty()) {
    advice = fmt::format("write one of {}", quoted_list(names));
  }
  reader.error(
      path, "unknown-domain", fmt::format("there is no domain \"{}\" of ours; {}", name, advice));
}

}  // namespace

void read_waves(Reader& reader, Section& top) {
  top.each_table("wave", [&reader](Section& section) { read_wave(reader, section); });
  std::map<std::string, unsigned> lines;
  const std::vector<routing::WaveConfig>& waves = reader.config.routing.waves;
  for (std::size_t i = 0; i < waves.size(); ++i) {
    const std::string path = fmt::format("wave[{}].name", i);
    const unsigned line = reader.config.finding(Severity::error, path, "", "").line;
    const auto [first, added] = lines.emplace(waves[i].name, line);
    if (!added && !waves[i].name.empty()) {
      reader.error(path,
                   "duplicate-name",
                   fmt::format("a wave \"{}\" is there already (line {}); write another, or leave "
                               "one out",
                               waves[i].name,
                               first->second));
    }
    if (!waves[i].domain.empty()) {
      check_domain(reader, fmt::format("wave[{}].domain", i), waves[i].domain);
    }
  }
}

}  // namespace postern::gateway
