// SPDX-License-Identifier: Apache-2.0
// How often a decision allocates: what it costs is mostly that. The classes are those of
// bench/recipients_bench.cc, with a file behind each stage that can have one.
#include "base/read_section.h"
#include "routing/file_directory.h"
#include "routing/waves.h"
#include "routing/way_files.h"
#include "tests/routing/example_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <stdexcept>

namespace {

thread_local unsigned allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
// As std::stable_sort asks; its memory comes back by the operator below.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}

namespace postern::routing::testing {
namespace {

class Town {
 public:
  explicit Town(bool validate = true) : config(example_config()) {
    config.recipients.validate = validate;
    Domain& domain = config.domains.front();
    domain.cutover_file = cutover_.path();
    domain.dual_delivery = dual_.path();
    config.waves = {
        WaveConfig{"pilot", "file:" + wave_.path(), WaveState::dual, {}}
    };
    RewriteRule rewrite;
    rewrite.map = map_.path();
    config.rewrites = {rewrite};
    ListRule list;
    list.senders = {"@spam.example", "@*.spam.example"};
    config.lists = {list};
    SenderRoute newsletter;
    newsletter.senders = {"newsletter@company.ru"};
    newsletter.via = "dlp";
    config.sender_routes = {newsletter};
    config.journals = {
        Journal{"archive@journal.example", "dlp", {}, {"@legal.company.ru"}}
    };
    directory_ = std::make_unique<FileDirectory>(config, mailboxes_.path());
    lists_ = std::make_unique<CutoverLists>(config);
    files_ = std::make_unique<WayFiles>(config);
    waves_ = std::make_unique<Waves>(config);
    const StageSources sources{&config, directory_.get(), lists_.get(), files_.get(), waves_.get()};
    Result<Pipeline, std::string> built = Pipeline::build(Registry::builtin(), sources);
    if (!built) throw std::runtime_error(built.error());
    pipeline_.emplace(std::move(*built));
  }

  /// Allocations of one decision, whose outcome must be this.
  unsigned count(const char* client, const char* to, const char* outcome) const {
    const smtp::Sender sender{smtp::ReversePath(mailbox("olga.sidorova@corp.com")), {}};
    Request request;
    request.client = *parse_ip(client);
    request.listener = "mx";
    request.sender = &sender;
    request.recipient = mailbox(to);
    const ReadSection first;  // a thread's first one takes memory, once
    const unsigned before = allocations;
    const std::optional<Decision> decision = pipeline_->decide_now(request);
    const unsigned after = allocations;
    EXPECT_EQ(outcome_of(*decision), outcome) << trace_of(*decision);
    return after - before;
  }

  Config config;

 private:
  // Longer than what a string holds without an allocation, as addresses are.
  TemporaryFile mailboxes_{"ivan.ivanov.iii@company.ru\nvera.vetrova.sr@company.ru\n"};
  TemporaryFile cutover_{"vera.vetrova.sr@company.ru\n"};
  TemporaryFile dual_{"dual.user@company.ru\n"};
  TemporaryFile wave_{"wave.user@company.ru\n"};
  TemporaryFile map_{"was.ivan@company.ru ivan.ivanov.iii@company.ru\n"};
  std::unique_ptr<FileDirectory> directory_;
  std::unique_ptr<CutoverLists> lists_;
  std::unique_ptr<WayFiles> files_;
  std::unique_ptr<Waves> waves_;
  std::optional<Pipeline> pipeline_;
};

TEST(DecisionAllocations, AreFewInEachClassOfRecipients) {
  const Town town;
  struct Row {
    const char* client;
    const char* to;
    const char* outcome;
    unsigned bound;
  };
  // clang-format off
  const Row rows[] = {
      {"10.0.0.5",    "ivan.ivanov.iii@tech.company.ru", "vk ivan.ivanov.iii@tech.company.ru",       3},
      {"10.0.0.5",    "ivan.ivanov.iii@company.ru",      "vk ivan.ivanov.iii@tech.company.ru",       5},
      {"203.0.113.9", "ivan.ivanov.iii@company.ru",      "exchange ivan.ivanov.iii@company.ru",      2},
      {"203.0.113.9", "vera.vetrova.sr@company.ru",      "vk vera.vetrova.sr@tech.company.ru",       5},
      {"203.0.113.9", "nobody.there@tech.company.ru",    "550 5.1.1 address_validation",             2},
      {"10.0.1.10",   "somebody.else@partner.ru",        "dlp somebody.else@partner.ru",             2},
      {"10.0.2.20",   "somebody.else@partner.ru",        "mx:partner.ru somebody.else@partner.ru",   3},
  };
  // clang-format on
  for (const Row& row : rows) {
    EXPECT_LE(town.count(row.client, row.to, row.outcome), row.bound)
        << row.client << " to " << row.to;
  }
}

TEST(DecisionAllocations, AreFewWhereUnknownOnesAreRedirected) {
  const Town town(false);
  const char* to = "nobody.of.that.name@tech.company.ru";
  EXPECT_LE(town.count("203.0.113.9", to, "exchange nobody.of.that.name@company.ru"), 4U);
}

}  // namespace
}  // namespace postern::routing::testing
