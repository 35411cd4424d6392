// SPDX-License-Identifier: Apache-2.0
#include "directories/sql_hosts.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace postern::directories {
namespace {

/// "a,b,,c": an empty one means libpq's default.
std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t comma = list.find(',');
    out.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    list.remove_prefix(comma + 1);
  }
}

/// A list's part for one host. A single port is for all of them.
std::string part(const std::vector<std::string>& list, std::size_t i) {
  if (list.size() == 1) return list.front();
  return i < list.size() ? list[i] : std::string();
}

}  // namespace

Result<std::vector<SqlOptions>, std::string> read_sql_hosts(const std::string& connection,
                                                            const SqlOptions& extra,
                                                            const SqlOptions& defaults) {
  char* fault = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(connection.c_str(), &fault), &PQconninfoFree);
  if (!parsed) {
    std::string text = fault == nullptr ? "it cannot be read" : fault;
    PQfreemem(fault);
    while (!text.empty() && text.back() == '\n')
      text.pop_back();
    return text;
  }
  std::map<std::string, std::string> options(defaults.begin(), defaults.end());
  for (const PQconninfoOption* o = parsed.get(); o->keyword != nullptr; ++o) {
    if (o->val != nullptr && *o->val != '\0') options[o->keyword] = o->val;
  }
  for (const auto& [name, value] : extra)
    options[name] = value;
  const std::vector<std::string> names = split(options["host"]);
  const std::vector<std::string> addresses = split(options["hostaddr"]);
  const std::vector<std::string> ports = split(options["port"]);
  const std::size_t count = std::max(names.size(), addresses.size());
  const bool fits = (names.size() == count || options["host"].empty()) &&
                    (addresses.size() == count || options["hostaddr"].empty()) &&
                    (ports.size() == count || ports.size() == 1);
  if (!fits) return std::string("host, hostaddr and port do not list the same number of hosts");
  std::vector<SqlOptions> out;
  for (std::size_t i = 0; i < count; ++i) {
    std::map<std::string, std::string> one = options;
    one["host"] = part(names, i);
    one["hostaddr"] = part(addresses, i);
    one["port"] = part(ports, i);
    SqlOptions entry;
    for (const auto& [name, value] : one) {
      if (!value.empty()) entry.emplace_back(name, value);
    }
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace postern::directories
