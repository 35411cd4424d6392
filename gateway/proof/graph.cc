// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/graph.h"

#include "gateway/proof/judge.h"
#include "gateway/proof/letters.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace postern::gateway::proof {
namespace {

/// The ways of one class of recipients.
class Picture {
 public:
  Picture(std::string domain, std::string_view its_class)
      : domain_(std::move(domain)), title_(fmt::format("{}: {}", domain_, its_class)) {}

  const std::string& domain() const { return domain_; }

  void add(const Leaf& leaf) {
    std::string last = leaf.from;
    for (const Step& step : leaf.steps) {
      edge(step.from, step.to, step.by);
      last = step.to;
    }
    if (leaf.end == End::rests) {
      number(last);
      stores_.insert(last);
      return;
    }
    edge(last, end_of(leaf), "");
  }

  /// The same ways: the other's class is drawn with this one.
  bool take_if_alike(const Picture& other, std::string_view its_class) {
    if (edges_ != other.edges_ || stores_ != other.stores_) return false;
    title_ += fmt::format("; {}", its_class);
    return true;
  }

  bool empty() const { return edges_.empty() && stores_.empty(); }

  std::string mermaid(std::size_t n) const {
    std::string out = fmt::format("  subgraph c{}[\"{}\"]\n", n, quoted(title_));
    for (const std::string& name : order_) {
      const bool store = stores_.contains(name);
      out += fmt::format("    c{}_{}{}\"{}\"{}\n",
                         n,
                         numbers_.at(name),
                         store ? "[(" : "[",
                         quoted(name),
                         store ? ")]" : "]");
    }
    for (const auto& [from, to, by] : edges_) {
      const std::string arrow =
          by.empty() ? std::string("-->") : fmt::format("-->|{}|", quoted(by));
      out +=
          fmt::format("    c{0}_{1} {2} c{0}_{3}\n", n, numbers_.at(from), arrow, numbers_.at(to));
    }
    return out + "  end\n";
  }

  std::string dot(std::size_t n) const {
    std::string out =
        fmt::format("  subgraph cluster_{} {{\n    label=\"{}\";\n", n, quoted(title_));
    for (const std::string& name : order_) {
      out += fmt::format("    c{}_{} [label=\"{}\"{}];\n",
                         n,
                         numbers_.at(name),
                         quoted(name),
                         stores_.contains(name) ? ", shape=cylinder" : "");
    }
    for (const auto& [from, to, by] : edges_) {
      out += fmt::format("    c{0}_{1} -> c{0}_{2} [label=\"{3}\"];\n",
                         n,
                         numbers_.at(from),
                         numbers_.at(to),
                         quoted(by));
    }
    return out + "  }\n";
  }

 private:
  static std::string end_of(const Leaf& leaf) {
    if (leaf.end == End::loops) return "a loop";
    if (leaf.end == End::waits) return "waits: " + leaf.why;
    if (leaf.end == End::discarded) return "discarded: " + leaf.why;
    if (leaf.end == End::bounced) return "bounced: " + leaf.why;
    return "refused: " + leaf.why;
  }

  /// Names come from the config: quotes and backslashes would end a label.
  static std::string quoted(std::string_view text) {
    std::string out;
    for (const char c : text)
      out += c == '"' || c == '\\' || c == '|' ? '\'' : c;
    return out;
  }

  void edge(const std::string& from, const std::string& to, const std::string& by) {
    number(from);
    number(to);
    auto one = std::make_tuple(from, to, by);
    if (std::find(edges_.begin(), edges_.end(), one) == edges_.end())
      edges_.push_back(std::move(one));
  }

  void number(const std::string& name) {
    if (numbers_.emplace(name, numbers_.size() + 1).second) order_.push_back(name);
  }

  std::string domain_;
  std::string title_;
  std::map<std::string, std::size_t> numbers_;
  std::vector<std::string> order_;
  std::vector<std::tuple<std::string, std::string, std::string>> edges_;
  std::set<std::string> stores_;
};

/// Who is drawn: the parties of the scenarios. Filters and balancers would hide them.
bool is_drawn(Origin origin) {
  return origin != Origin::filter && origin != Origin::balancer && origin != Origin::allowed;
}

void draw_domain(const World& world, const routing::Domain& domain, std::vector<Picture>& out) {
  const Wiring usual;
  const std::vector<Beginning> starts = beginnings(world, &domain);
  for (const Person& person : persons_of(world.traits_of(domain))) {
    if (person.doubtful()) continue;
    Walker walker(world, usual, person);
    std::vector<smtp::Mailbox> addresses = {smtp::Mailbox(kLocalPart, domain.name)};
    if (!domain.aliases.empty()) addresses.emplace_back(kLocalPart, domain.aliases.front());
    for (const smtp::Mailbox& recipient : addresses) {
      Picture picture(std::string(recipient.domain()), person.full_name());
      for (const Beginning& beginning : starts) {
        const Case letter{&domain, &person, &beginning, &usual, recipient};
        const bool drawn = is_drawn(beginning.origin) && beginning.origin != Origin::authenticated;
        if (!drawn || !is_written(world, letter)) continue;
        for (const Leaf& leaf : walker.follow(beginning.start, recipient))
          picture.add(leaf);
      }
      const bool drawn = std::any_of(out.begin(), out.end(), [&](Picture& before) {
        return before.domain() == recipient.domain() &&
               before.take_if_alike(picture, person.full_name());
      });
      if (!drawn && !picture.empty()) out.push_back(std::move(picture));
    }
  }
}

void draw_elsewhere(const World& world, std::vector<Picture>& out) {
  const Wiring usual;
  const Person nobody;
  Walker walker(world, usual, nobody);
  for (const std::string& domain : domains_elsewhere(world)) {
    const bool any = domain == "outside.example";
    Picture picture(any ? std::string("other domains") : domain, "outside");
    for (const Beginning& beginning : beginnings(world, nullptr)) {
      if (!is_drawn(beginning.origin)) continue;
      for (const Leaf& leaf : walker.follow(beginning.start, smtp::Mailbox("user", domain)))
        picture.add(leaf);
    }
    if (!picture.empty()) out.push_back(std::move(picture));
  }
}

}  // namespace

std::optional<std::string> graph(const Config& config, GraphFormat format) {
  const Result<std::unique_ptr<World>, std::string> world = World::build(config);
  if (!world) return std::nullopt;
  std::vector<Picture> pictures;
  for (const routing::Domain* domain : (*world)->followed())
    draw_domain(**world, *domain, pictures);
  draw_elsewhere(**world, pictures);
  const bool mermaid = format == GraphFormat::mermaid;
  std::string out = mermaid ? "flowchart LR\n" : "digraph flow {\n  rankdir=LR;\n";
  for (std::size_t i = 0; i < pictures.size(); ++i)
    out += mermaid ? pictures[i].mermaid(i + 1) : pictures[i].dot(i + 1);
  return mermaid ? out : out + "}\n";
}

}  // namespace postern::gateway::proof
