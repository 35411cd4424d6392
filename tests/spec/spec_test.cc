// SPDX-License-Identifier: Apache-2.0
// The specification against the pipeline. Each row is decided by a snapshot made from a config file
// as the gateway reads it; what must happen comes from tests/spec/oracle.py, which knows
// docs/mail-flow.md and no line of C++.
#include "gateway/config.h"
#include "gateway/snapshot.h"
#include "routing/message_facts.h"
#include "tests/spec/table.h"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>

namespace postern::spec {
namespace {

using gateway::Snapshot;
using routing::Decision;

constexpr std::size_t kFewestRows = 600;
constexpr std::size_t kShown = 12;  ///< mismatches that are printed

std::string findings(const std::vector<gateway::Finding>& all) {
  std::string out;
  for (const gateway::Finding& finding : all)
    out += finding.key + " [" + finding.code + "] " + finding.message + "\n";
  return out;
}

/// The world's config as `postern serve` would load it; null with a failure.
std::shared_ptr<const Snapshot> load(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  gateway::Environment environment;
  const std::string first = text.str().substr(0, text.str().find('\n'));
  const std::string value = first.substr(first.find('=') + 1);
  if (!value.empty()) environment.our_address_validate = value;
  gateway::LoadResult loaded = gateway::parse_config(text.str(), file.string(), environment);
  if (!loaded.config) {
    ADD_FAILURE() << text.str() << findings(loaded.findings);
    return nullptr;
  }
  Snapshot::Options options;
  options.tls = false;
  options.notice = [](const std::string&) {};
  auto snapshot = Snapshot::build(std::move(*loaded.config), std::move(options));
  if (!snapshot) {
    ADD_FAILURE() << text.str() << findings(snapshot.error());
    return nullptr;
  }
  return *snapshot;
}

routing::Request request_for(const Row& row, const Snapshot& snapshot, const smtp::Sender& sender) {
  routing::Request request;
  const gateway::ListenerConfig* listener = snapshot.config().find_listener(row.listener);
  if (listener != nullptr) {
    request.listener = listener->name;
    request.role = listener->role;
    request.listener_from = listener->from;
  }
  request.client = *parse_ip(row.client);
  request.identity = row.identity;
  request.sender = &sender;
  if (row.recipient == "Postmaster") {
    request.recipient = smtp::Mailbox(row.recipient, {});
  } else if (auto mailbox = smtp::Mailbox::parse(row.recipient)) {
    request.recipient = std::move(*mailbox);
  }
  return request;
}

Decision decide(const routing::Pipeline& pipeline, const routing::Request& request) {
  if (std::optional<Decision> decision = pipeline.decide_now(request)) return std::move(*decision);
  net::IoContext io;
  Decision out;
  net::asio::co_spawn(
      io.get_executor(), pipeline.decide(request), [&out](std::exception_ptr e, Decision decision) {
        if (e) std::rethrow_exception(e);
        out = std::move(decision);
      });
  io.run();
  return out;
}

std::string reply_of(const smtp::Reply& reply) {
  return std::to_string(reply.code()) + " " + reply.status().str();
}

/// What a decision comes to, in one line; the domain of an address in lower case (R8a).
std::string outcome(const Decision& decision, const smtp::Reply& message, bool is_traced) {
  std::string out = std::string(decision_name(decision.kind)) + " by " +
                    std::string(decision.stage) + " " + reply_of(decision.reply);
  if (decision.kind == routing::DecisionKind::route) {
    out += " to " + smtp::ascii_lower(decision.target.name()) + " as " +
           std::string(decision.recipient_out.local()) + "@" +
           smtp::ascii_lower(decision.recipient_out.domain());
  }
  return out + ", message " + reply_of(message) + (is_traced ? ", traced" : "");
}

std::string wanted(const Row& row) {
  std::string out = row.kind + " by " + row.stage + " " + row.code + " " + row.status;
  if (row.kind == "route") {
    const std::size_t at = row.out.rfind('@');
    out += " to " + smtp::ascii_lower(row.hop) + " as " + row.out.substr(0, at) +
           smtp::ascii_lower(row.out.substr(at));
  }
  return out + ", message " + row.message + (row.traced == "yes" ? ", traced" : "");
}

/// Asks the pipeline row by row, and carries a path's trace fields from one stay to the next.
class Asker {
 public:
  explicit Asker(const Table& table) : table_(table) {}

  /// Empty: as the oracle says.
  std::string ask(const Row& row) {
    auto [world, is_new] = worlds_.try_emplace(row.world);
    if (is_new) world->second = load(table_.world(row.world));
    if (world->second == nullptr) return "the config was refused";
    const routing::Pipeline& pipeline = world->second->pipeline();
    const smtp::Sender sender;
    const routing::Request request = request_for(row, *world->second, sender);
    const Decision decision = decide(pipeline, request);
    if (row.trace == "fresh") trace_.clear();
    if (row.trace == "forge") break_trace();
    std::string header = trace_;
    for (unsigned i = 0; i < row.received; ++i)
      header += "Received: by somebody\r\n";
    const routing::MessageFacts facts = routing::scan_header(header);
    const smtp::Reply message = pipeline.check_message(request, decision, facts, nullptr);
    const std::string fields = pipeline.trace_fields({&decision}, facts);
    trace_.insert(0, fields);
    const std::string found = outcome(decision, message, !fields.empty());
    if (found == wanted(row)) return {};
    std::string steps;
    for (const routing::TraceStep& step : decision.trace)
      steps += "\n    " + std::string(step.stage) + ": " + step.reason.str();
    return "\n  wanted " + wanted(row) + "\n  found  " + found + steps;
  }

 private:
  /// Another last digit in every field's HMAC.
  void break_trace() {
    for (std::size_t end = trace_.find("\r\n"); end != std::string::npos && end > 0;
         end = trace_.find("\r\n", end + 2)) {
      trace_[end - 1] = trace_[end - 1] == '0' ? '1' : '0';
    }
  }

  const Table& table_;
  std::map<unsigned, std::shared_ptr<const Snapshot>> worlds_;
  std::string trace_;
};

class Specification : public testing::Test {
 protected:
  static void SetUpTestSuite() { table_ = std::make_unique<Table>(); }
  static void TearDownTestSuite() { table_.reset(); }
  void SetUp() override { ASSERT_EQ(table_->error, ""); }

  static std::unique_ptr<Table> table_;
};
std::unique_ptr<Table> Specification::table_;

TEST_F(Specification, IsWhatThePipelineDoesInEveryClassOfMail) {  // R1 to R13, S2 to S9
  Asker asker(*table_);
  std::size_t asked = 0;
  std::size_t different = 0;
  for (const Row& row : table_->rows()) {
    const std::string difference = asker.ask(row);
    ++asked;
    if (difference.empty()) continue;
    if (++different <= kShown) {
      ADD_FAILURE() << row.rules << ": " << row.who << " (" << row.client << " at " << row.listener
                    << ") to " << row.recipient << difference << "\n  in " << row.world;
    }
  }
  std::cout << asked << " rows in " << table_->worlds() << " configs, " << different
            << " of them not as the specification says\n";
  EXPECT_EQ(different, 0u);
  EXPECT_GE(asked, kFewestRows);
}

TEST_F(Specification, HasRowsForEveryRuleAboutWays) {
  std::map<std::string, std::size_t> rows;
  for (const Row& row : table_->rows()) {
    std::istringstream words(row.rules);
    for (std::string word; words >> word;)
      ++rows[word];
  }
  // R14 to R18 speak of messages and transactions: no single decision shows them. S1 never comes to
  // G (the oracle says so itself), S10 is about time.
  for (const char* name :
       {"R1",  "R2",  "R3",  "R4",  "R4a", "R5", "R6", "R7", "R7a", "R8", "R8a", "R9",
        "R10", "R11", "R12", "R13", "S2",  "S3", "S4", "S5", "S6",  "S7", "S8",  "S9"}) {
    EXPECT_GE(rows[name], 5u) << name;
    std::cout << name << ": " << rows[name] << "\n";
  }
}

TEST_F(Specification, HasEveryOutcomeOfEveryStage) {
  std::set<std::string> outcomes;
  for (const Row& row : table_->rows())
    outcomes.insert(row.kind + " " + row.stage + " " + row.code);
  for (const char* outcome : {"reject relay_access 550",
                              "reject relay_access 530",
                              "defer cutover 451",
                              "route custom_route 250",
                              "route internal_gateway 250",
                              "reject address_validation 550",
                              "defer address_validation 451",
                              "route unknown_recipient 250",
                              "reject unknown_recipient 550",
                              "defer unknown_recipient 451",
                              "route mailboxes 250",
                              "route external_gateway 250",
                              "route dns_mx 250",
                              "reject split_horizon 554"}) {
    EXPECT_TRUE(outcomes.contains(outcome)) << outcome;
  }
}

}  // namespace
}  // namespace postern::spec
