// SPDX-License-Identifier: Apache-2.0
#include "gateway/snapshot.h"
#include "tests/gateway/proof_support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <random>
#include <unistd.h>

// The proof against a simulator that shares nothing with it but the pipeline: random configs, real
// files for directory and cut-over list, a queue of letters that runs until it is empty or has gone
// through G too often. The two must agree about what circles.

namespace postern::gateway::proof {
namespace {

/// No way through these configs is longer: what goes on has no end.
constexpr unsigned kMostVisits = 30;
constexpr unsigned kConfigs = 400;

/// One config of the grammar.
struct Options {
  bool connector_listener, directory, alias, main, independent, cutover, validate, v_is_final;
  std::string x_sources, redirect, route, mailboxes, internal, external;
  std::vector<std::string> stages;

  bool uses(const char* hop) const {
    return redirect == hop || route == hop || mailboxes == hop || internal == hop ||
           external == hop;
  }
  bool is_gateway(const std::string& hop) const { return internal == hop || external == hop; }
  bool x_is_used() const { return uses("exchange") || connector_listener; }
};

Options random_options(std::mt19937& chance) {
  const auto one_of = [&chance](std::initializer_list<const char*> list) {
    return std::string(*(list.begin() + static_cast<std::ptrdiff_t>(chance() % list.size())));
  };
  const auto mostly = [&chance](bool usual) { return (chance() % 4 != 0) == usual; };
  Options out;
  out.connector_listener = chance() % 2 == 0;
  out.directory = mostly(true);
  out.alias = mostly(true);
  out.main = !out.alias || mostly(false);
  out.independent = mostly(true);
  out.cutover = mostly(true);
  out.validate = mostly(false);
  out.v_is_final = mostly(false);
  out.x_sources = one_of({"", "", "", "10.9.9.9/32", "10.0.0.0/16"});
  out.redirect = one_of({"", "exchange", "exchange", "exchange", "vk", "dlp"});
  out.route = one_of({"", "exchange", "exchange", "exchange", "vk", "dlp"});
  out.mailboxes = one_of({"vk", "vk", "vk", "vk", "exchange", "dlp"});
  out.internal = one_of({"", "", "", "exchange", "dlp", "vk"});
  out.external = one_of({"", "dlp", "dlp", "exchange", "vk"});
  out.stages = routing::default_stages();
  for (unsigned n = chance() % 3; n > 0; --n) {
    const std::size_t at = chance() % (out.stages.size() - 1);
    if (chance() % 2 == 0) {
      out.stages.erase(out.stages.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      std::swap(out.stages[at], out.stages[at + 1]);
    }
  }
  return out;
}

std::string text_of(const Options& o, const std::string& folder) {
  std::string out = "hostname = \"gw.company.ru\"\n";
  out += "[[listener]]\nname = \"mx\"\nbind = \"0.0.0.0:25\"\n";
  if (o.connector_listener)
    out += "[[listener]]\nname = \"connector\"\nbind = \"0.0.0.0:1025\"\nfrom = \"exchange\"\n";
  out += "[relay]\nallow_without_auth = [\"10.0.0.5\", \"10.0.1.10\", \"10.0.2.20\"]\n";
  out += "[[next_hop]]\nname = \"exchange\"\nhosts = [\"10.0.0.5\"]\nbehaves = \"exchange\"\n";
  if (!o.x_sources.empty()) out += fmt::format("sources = [\"{}\"]\n", o.x_sources);
  out += fmt::format("[[next_hop]]\nname = \"vk\"\nhosts = [\"10.0.1.10\"]\nbehaves = \"{}\"\n",
                     o.v_is_final ? "final" : "vk_workspace");
  out += "[[next_hop]]\nname = \"dlp\"\nhosts = [\"10.0.2.20\"]\n";
  out += fmt::format("[[domain]]\nname = \"company.ru\"\nmailboxes = \"{}\"\n", o.mailboxes);
  if (o.alias) out += "aliases = [\"tech.company.ru\"]\n";
  if (o.main) out += "deliver_as = \"main\"\n";
  if (o.cutover) out += fmt::format("cutover = \"{}/cutover.txt\"\n", folder);
  if (!o.route.empty())
    out += fmt::format("[[route]]\ndomains = [\"company.ru\"]\nvia = \"{}\"\n", o.route);
  out += fmt::format("[recipients]\nvalidate = {}\n", o.validate);
  if (!o.redirect.empty()) out += fmt::format("unknown_redirect = \"{}\"\n", o.redirect);
  if (o.directory) out += fmt::format("directory = \"file:{}/mailboxes.txt\"\n", folder);
  out += "[gateways]\n";
  if (!o.internal.empty()) out += fmt::format("internal = [\"{}\"]\n", o.internal);
  if (!o.external.empty()) out += fmt::format("external = [\"{}\"]\n", o.external);
  out += fmt::format("[routing]\nindependent_aliases = {}\nstages = [\"{}\"]\n",
                     o.independent,
                     fmt::join(o.stages, "\", \""));
  return out;
}

/// What the servers around do in one run.
struct Habits {
  bool t_by_mx = false;
  bool v_sends_d_to_x = false;
  bool filter_returns = false;
  std::string x_address = "10.0.0.5";
};

class Simulator {
 public:
  Simulator(const Options& options, const Snapshot& snapshot, const Habits& habits)
      : options_(options), snapshot_(snapshot), habits_(habits) {}

  /// Does a letter that `who` has (or gives to G) come to an end?
  bool ends(const std::string& who,
            bool to_g,
            const std::string& local,
            const std::string& domain) {
    letters_.clear();
    visits_ = 0;
    letters_.push_back({to_g ? "G" : who, who, local, domain});
    while (!letters_.empty()) {
      const Letter letter = letters_.front();
      letters_.pop_front();
      if (letter.at == "G" && ++visits_ > kMostVisits) return false;
      step(letter);
    }
    return true;
  }

 private:
  struct Letter {
    std::string at, from, local, domain;
  };

  static bool is_d(const Letter& letter) { return letter.domain == "company.ru"; }
  bool is_t(const Letter& letter) const {
    return options_.alias && letter.domain == "tech.company.ru";
  }

  void pass(const Letter& letter, const std::string& to) {
    letters_.push_back({to, letter.at, letter.local, letter.domain});
  }

  void step(const Letter& letter) {
    if (letter.at == "G") return at_gateway(letter);
    const bool ours = is_d(letter) || is_t(letter);
    if (letter.at == "exchange") {
      if (!ours) return;
      const bool has = letter.local == "old" || letter.local == "both";
      if (is_t(letter) || !has) return pass(letter, "G");
      if (letter.local == "both" && options_.alias)
        letters_.push_back({"G", "exchange", letter.local, "tech.company.ru"});
      return;
    }
    if (letter.at == "vk" && options_.v_is_final) return;
    if (letter.at == "vk") {
      const bool home = ours && options_.mailboxes == "vk";
      if (home && (options_.main || is_t(letter))) return;
      const bool to_x = is_d(letter) && habits_.v_sends_d_to_x && options_.x_is_used();
      return pass(letter, to_x ? "exchange" : "G");
    }
    if (ours && options_.mailboxes == "dlp") return;
    const bool returns = habits_.filter_returns && options_.is_gateway("dlp");
    if (!ours && !returns) return;
    const bool to_x = is_d(letter) && !returns && options_.x_is_used();
    pass(letter, to_x ? "exchange" : "G");
  }

  void at_gateway(const Letter& letter) {
    routing::Request request;
    const std::string address = letter.from == "exchange" ? habits_.x_address
                                : letter.from == "vk"     ? "10.0.1.10"
                                : letter.from == "dlp"    ? "10.0.2.20"
                                                          : "198.51.100.7";
    request.client = *parse_ip(address);
    const bool connector = options_.connector_listener && letter.from == "exchange" &&
                           !(habits_.t_by_mx && is_t(letter));
    request.listener = connector ? "connector" : "mx";
    if (connector) request.listener_from = "exchange";
    const smtp::Sender sender;
    request.sender = &sender;
    request.recipient = smtp::Mailbox(letter.local, letter.domain);
    const std::optional<routing::Decision> decision = snapshot_.pipeline().decide_now(request);
    ASSERT_TRUE(decision);
    if (decision->kind != routing::DecisionKind::route || decision->target.hops.empty()) return;
    letters_.push_back({decision->target.hops.front()->name,
                        "G",
                        std::string(decision->recipient_out.local()),
                        std::string(decision->recipient_out.domain())});
  }

  const Options& options_;
  const Snapshot& snapshot_;
  const Habits& habits_;
  std::deque<Letter> letters_;
  unsigned visits_ = 0;
};

/// Runs every letter by every habit; the first that circles, or nothing.
std::string circling(const Options& options, const Snapshot& snapshot) {
  std::vector<std::string> addresses = {"10.0.0.5"};
  if (options.x_sources == "10.9.9.9/32" && !options.connector_listener)
    addresses.emplace_back("10.9.9.9");
  if (options.x_sources == "10.9.9.9/32" && options.connector_listener)
    addresses = {"10.9.9.9", "10.0.0.5"};
  for (unsigned bits = 0; bits < 8; ++bits) {
    for (const std::string& address : addresses) {
      const Habits habits{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, address};
      Simulator run(options, snapshot, habits);
      for (const char* local : {"old", "both", "new", "left", "nobody"}) {
        for (const char* domain : {"company.ru", "tech.company.ru", "outside.example"}) {
          const bool elsewhere = std::string_view(domain) == "outside.example" ||
                                 (!options.alias && std::string_view(domain) != "company.ru");
          for (const char* who : {"E", "exchange", "vk", "dlp"}) {
            const std::string name = who;
            const bool sends =
                name != "dlp" || options.is_gateway("dlp") || options.mailboxes == "dlp";
            if (!sends) continue;
            const bool at_home = name == "exchange" && !elsewhere && options.x_is_used();
            if (run.ends(name, !at_home, local, domain)) continue;
            return fmt::format(
                "{} to {}@{}, habits {}, X at {}", who, local, domain, bits, address);
          }
        }
      }
    }
  }
  return {};
}

class Folder {
 public:
  Folder() {
    std::filesystem::create_directories(path_);
    std::ofstream(path_ / "mailboxes.txt") << "both@company.ru\nnew@company.ru\nleft@company.ru\n";
    std::ofstream(path_ / "cutover.txt") << "left@company.ru\n";
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("postern-proof-" + std::to_string(::getpid()));
};

TEST(ProofAndSimulator, AgreeAboutWhatCircles) {  // R13
  const Folder folder;
  std::mt19937 chance(20261124);
  unsigned loops = 0;
  for (unsigned n = 0; n < kConfigs; ++n) {
    const Options options = random_options(chance);
    const std::string text = text_of(options, folder.path());
    LoadResult loaded = parse(text);
    ASSERT_TRUE(loaded.config) << text << shown(loaded.findings);
    const Proof proof = prove(*loaded.config);
    const auto snapshot = Snapshot::build(std::move(*loaded.config));
    ASSERT_TRUE(snapshot) << text;
    const bool says_loop =
        std::any_of(proof.findings.begin(), proof.findings.end(), [](const Finding& finding) {
          return finding.code == "loop";
        });
    const std::string seen = circling(options, **snapshot);
    EXPECT_EQ(says_loop, !seen.empty())
        << "config " << n << ": simulated: " << (seen.empty() ? "no loop" : seen) << "\n"
        << shown(proof.findings) << text;
    loops += says_loop ? 1 : 0;
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_GT(loops, kConfigs / 20) << "the grammar makes too few loops to tell anything";
  EXPECT_LT(loops, kConfigs) << "the grammar makes nothing but loops";
  RecordProperty("loops", static_cast<int>(loops));
}

}  // namespace
}  // namespace postern::gateway::proof
