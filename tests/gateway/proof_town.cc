// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/proof_town.h"

#include <fmt/format.h>

#include <fstream>
#include <initializer_list>

namespace postern::gateway::proof {
namespace {

class Writing {
 public:
  Writing(std::mt19937& chance, const std::string& folder) : chance_(chance), folder_(folder) {}

  Town take() {
    Town& out = town_;
    out.v_is_final = one_in(5);
    out.text = "hostname = \"gw.company.ru\"\n[[listener]]\nname = \"mx\"\nbind = \"0.0.0.0:25\"\n";
    if (one_in(2)) {
      out.text +=
          "[[listener]]\nname = \"connector\"\nbind = \"0.0.0.0:1025\"\n"
          "from = \"exchange\"\n";
    }
    hops();
    add_domain("company.ru", {"exchange", "exchange", "exchange", "vk"});
    if (!one_in(3)) add_domain("second.ru", {"", "exchange", "vk", "dlp"});
    if (one_in(2)) add_domain("third.ru", {"", "", "exchange"});
    recipients();
    ways();
    waves();
    return std::move(town_);
  }

 private:
  bool one_in(unsigned n) { return chance_() % n == 0; }
  std::string one_of(std::initializer_list<const char*> list) {
    return std::string(*(list.begin() + static_cast<std::ptrdiff_t>(chance_() % list.size())));
  }
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    town_.text += fmt::format(format, std::forward<Args>(args)...);
  }
  std::string file(const std::string& name, const std::string& content) {
    const std::string path = fmt::format("{}/{}", folder_, name);
    std::ofstream(path) << content;
    return path;
  }
  /// A domain of the town, or one elsewhere.
  std::string some_domain() {
    if (one_in(4)) return "partner.example";
    const TownDomain& domain = town_.domains[chance_() % town_.domains.size()];
    return !domain.aliases.empty() && one_in(3) ? domain.aliases.front() : domain.name;
  }

  std::pair<std::string, std::string> two_domains() {
    std::string from = some_domain();
    std::string to = some_domain();
    if (from == to) to = "moved.example";
    return {std::move(from), std::move(to)};
  }

  void hops() {
    add("[relay]\nallow_without_auth = [\"10.0.0.5\", \"10.0.1.10\", \"10.0.2.20\"]\n");
    add("[[next_hop]]\nname = \"exchange\"\nhosts = [\"10.0.0.5\"]\nbehaves = \"exchange\"\n");
    if (one_in(8)) add("sources = [\"10.9.9.9\"]\n");
    add("[[next_hop]]\nname = \"vk\"\nhosts = [\"10.0.1.10\"]\nbehaves = \"{}\"\n",
        town_.v_is_final ? "final" : "vk_workspace");
    add("[[next_hop]]\nname = \"dlp\"\nhosts = [\"10.0.2.20\"]\n");
  }

  void add_domain(const std::string& name, std::initializer_list<const char*> routes) {
    TownDomain domain{name, {}, one_in(6) ? "exchange" : "vk", false};
    if (!one_in(4)) domain.aliases.push_back("tech." + name);
    if (!domain.aliases.empty() && one_in(4)) domain.aliases.push_back("t2." + name);
    domain.as_main = domain.aliases.empty() || one_in(4);
    add("[[domain]]\nname = \"{}\"\nmailboxes = \"{}\"\n", name, domain.mailboxes);
    if (!domain.aliases.empty()) add("aliases = [\"{}\"]\n", fmt::join(domain.aliases, "\", \""));
    if (domain.as_main) add("deliver_as = \"main\"\n");
    if (one_in(2)) add("cutover = \"{}\"\n", file("cutover.txt", "left\n"));
    const std::string route = one_of(routes);
    const unsigned dual = chance_() % 5;
    if (!route.empty() && dual == 0) add("dual_delivery = \"*\"\n");
    if (!route.empty() && dual == 1)
      add("dual_delivery = \"file:{}\"\n", file("dual.txt", "dual\n"));
    if (!route.empty()) add("[[route]]\ndomains = [\"{}\"]\nvia = \"{}\"\n", name, route);
    town_.domains.push_back(std::move(domain));
  }

  void recipients() {
    add("[recipients]\nvalidate = {}\n", one_in(4));
    if (!one_in(4)) add("unknown_redirect = \"{}\"\n", one_of({"exchange", "exchange", "vk"}));
    if (!one_in(4)) {
      add("directory = \"file:{}\"\n", file("mailboxes.txt", "both\ndual\nnew\nleft\n"));
    }
    add("[gateways]\n");
    if (one_in(5)) {
      add("internal = [\"dlp\"]\n");
      town_.gateways.emplace_back("dlp");
    }
    const std::string external = one_of({"", "dlp", "dlp", "exchange"});
    if (!external.empty()) {
      add("external = [\"{}\"]\n", external);
      town_.gateways.push_back(external);
    }
    add("[routing]\nindependent_aliases = {}\n", !one_in(5));
  }

  void ways() {
    if (one_in(3)) {
      add("[[list]]\naction = \"{}\"\nsenders = [\"@spam.example\"]\n",
          one_of({"reject", "discard"}));
    }
    if (one_in(8)) {
      add("[[list]]\naction = \"discard\"\nrecipients = [\"@{}\"]\n", some_domain());
    }
    if (one_in(3)) {
      const std::string via = one_of({"dlp", "exchange", "vk"});
      add("[[sender_route]]\nsenders = [\"@news.example\"]\nvia = \"{}\"\nall = {}\n",
          via,
          one_in(2));
      town_.gateways.push_back(via);
    }
    if (one_in(3)) add("[[journal]]\nto = \"archive@journal.example\"\nvia = \"dlp\"\n");
    if (one_in(3)) {
      const auto [from, to] = two_domains();
      add("[[rewrite]]\nfrom = \"@{}\"\nto = \"@{}\"\n", from, to);
    }
    if (one_in(2)) add("[[rewrite]]\nmap = \"file:{}\"\n", file("map.txt", map_lines()));
  }

  std::string map_lines() {
    std::string out = "# old names\n";
    if (one_in(3)) {
      const auto [from, to] = two_domains();
      out += fmt::format("@{} @{}\n", from, to);
    }
    const std::string to = some_domain();
    for (const char* local : {"old", "both", "dual", "new", "left", "nobody"})
      out += fmt::format("was.{}@company.ru {}@{}\n", local, local, to);
    return out;
  }

  void waves() {
    if (!one_in(2)) return;
    add("[[wave]]\nname = \"pilot\"\nmembers = \"file:{}\"\nstate = \"{}\"\n",
        file("wave.txt", "left\n"),
        one_of({"planned", "dual", "cutover", "rolled_back"}));
    if (one_in(2)) add("domain = \"{}\"\n", town_.domains.back().name);
  }

  std::mt19937& chance_;
  const std::string& folder_;
  Town town_;
};

}  // namespace

const TownDomain* Town::of(std::string_view domain) const {
  for (const TownDomain& one : domains) {
    if (one.name == domain) return &one;
    for (const std::string& alias : one.aliases) {
      if (alias == domain) return &one;
    }
  }
  return nullptr;
}

bool Town::has_x(const TownDomain& domain) const {
  if (domain.mailboxes == "exchange") return true;
  for (const char* setting : {"via = \"exchange\"",
                              "unknown_redirect = \"exchange\"",
                              "external = [\"exchange\"]",
                              "from = \"exchange\""}) {
    if (text.find(setting) != std::string::npos) return true;
  }
  return false;
}

Town random_town(std::mt19937& chance, const std::string& folder) {
  return Writing(chance, folder).take();
}

}  // namespace postern::gateway::proof
