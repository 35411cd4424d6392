// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/prove.h"

#include "gateway/proof/guide.h"
#include "gateway/proof/judge.h"
#include "gateway/proof/letters.h"

#include <algorithm>

namespace postern::gateway::proof {
namespace {

/// Aliases that are followed of one domain; the others are treated alike by every rule.
constexpr std::size_t kMostAliases = 4;
/// Senders of letters to addresses that are rewritten: the null sender and another.
constexpr std::size_t kWritersToRenamed = 2;

std::vector<smtp::Mailbox> addresses_in(const routing::Domain& domain) {
  std::vector<smtp::Mailbox> out = {smtp::Mailbox(kLocalPart, domain.name)};
  for (const std::string& alias : domain.aliases) {
    if (out.size() > kMostAliases) break;
    out.emplace_back(kLocalPart, alias);
  }
  return out;
}

class Prover {
 public:
  explicit Prover(const World& world)
      : world_(world), wirings_(wirings(world)), writers_(writers(world)) {}

  void run() {
    for (const routing::Domain* domain : world_.followed()) {
      for (const Writer& writer : writers_)
        to_domain(*domain, writer);
    }
    for (const Renamed& renamed : world_.renames().examples())
      to_renamed(renamed);
    const std::vector<Beginning> starts = beginnings(world_, nullptr);
    for (const std::string& domain : domains_elsewhere(world_)) {
      for (const Writer& writer : writers_)
        to_elsewhere(domain, writer, starts);
    }
  }

  const Faults& faults() const { return faults_; }
  std::size_t letters() const { return letters_; }

 private:
  void to_domain(const routing::Domain& domain, const Writer& writer) {
    const std::vector<Beginning> starts = beginnings(world_, &domain);
    for (const Person& person : persons_of(world_.traits_of(domain))) {
      for (const Wiring& wiring : wirings_) {
        Walker walker(world_, wiring, person);
        for (const smtp::Mailbox& recipient : addresses_in(domain)) {
          for (const Beginning& beginning : starts) {
            const Case letter{&domain, &person, &beginning, &wiring, recipient, writer};
            if (!is_written(world_, letter)) continue;
            ++letters_;
            judge(
                world_, letter, walker.follow(beginning.start, recipient, writer.address), faults_);
          }
        }
      }
    }
  }

  /// Those that are about a domain of ours are followed as its letters are.
  void to_renamed(const Renamed& renamed) {
    const routing::Domain* from = world_.domain_of(renamed.from.domain());
    const routing::Domain* to = world_.domain_of(renamed.to.domain());
    if (renamed.by_domain && from != nullptr) return;
    const std::vector<Person> persons =
        to != nullptr ? persons_of(world_.traits_of(*to)) : std::vector<Person>(1);
    const std::vector<Beginning> starts = beginnings(world_, from);
    const std::size_t writers = std::min(writers_.size(), kWritersToRenamed);
    for (const Person& person : persons) {
      for (const Wiring& wiring : wirings_) {
        Walker walker(world_, wiring, person);
        walker.no_mailbox_as(renamed.from);
        for (const Beginning& beginning : starts) {
          for (std::size_t i = 0; i < writers; ++i) {
            ++letters_;
            const auto leaves = walker.follow(beginning.start, renamed.from, writers_[i].address);
            judge_renamed(world_, renamed, person, writers_[i], leaves, faults_);
          }
        }
      }
    }
  }

  void to_elsewhere(const std::string& domain,
                    const Writer& writer,
                    const std::vector<Beginning>& starts) {
    const Person nobody;
    const smtp::Mailbox recipient(kLocalPart, domain);
    for (const Wiring& wiring : wirings_) {
      Walker walker(world_, wiring, nobody);
      for (const Beginning& beginning : starts) {
        ++letters_;
        judge_elsewhere(world_,
                        beginning,
                        writer,
                        domain,
                        walker.follow(beginning.start, recipient, writer.address),
                        faults_);
      }
    }
  }

  const World& world_;
  std::vector<Wiring> wirings_;
  std::vector<Writer> writers_;
  Faults faults_;
  std::size_t letters_ = 0;
};

}  // namespace

Proof prove(const Config& config, const ListFiles* lists) {
  Proof out;
  out.domains = config.routing.domains.size();
  if (config.listeners.empty()) return out;  // nothing comes in: check() tells it
  Result<std::unique_ptr<World>, std::string> world =
      World::build(config, lists != nullptr ? &lists->ways : nullptr);
  if (!world) {
    out.findings.push_back(
        config.finding(Severity::error, "routing.stages", "pipeline", world.error()));
    return out;
  }
  Prover prover(**world);
  prover.run();
  out.letters = prover.letters();
  out.shapes = (*world)->followed().size();
  out.findings = prover.faults().findings(config);
  const std::vector<Finding> guide = guide_findings(**world);
  out.findings.insert(out.findings.end(), guide.begin(), guide.end());
  sort_by_place(out.findings);
  return out;
}

}  // namespace postern::gateway::proof
