// SPDX-License-Identifier: Apache-2.0
#include "tests/routing/example_config.h"

#include "routing/mailbox_key.h"
#include "smtp/address.h"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace postern::routing::testing {
namespace {

NextHop next_hop(std::string name, Behaviour behaves, std::vector<HostSpec> hosts) {
  NextHop hop;
  hop.name = std::move(name);
  hop.behaves = behaves;
  hop.sources = default_sources(hosts);
  hop.hosts = std::move(hosts);
  hop.limits = NextHopLimits::for_behaviour(behaves);
  return hop;
}

Request request_for(const Question& question) {
  Request request;
  request.client = *parse_ip(question.client);
  request.listener = "mx";
  request.role = question.role;
  request.listener_from = question.listener_from;
  request.identity = question.identity;
  request.recipient = mailbox(question.to);
  return request;
}

}  // namespace

Config example_config() {
  Config config;
  config.hostname = "gw.company.ru";
  config.next_hops = {
      next_hop("exchange", Behaviour::exchange, {HostSpec{"10.0.0.5", 25, false} }
        ),
      next_hop("vk",
               Behaviour::vk_workspace,
               {HostSpec{"10.0.1.10", 25, false}, HostSpec{"10.0.1.11", 25, false}}
        ),
      next_hop("dlp", Behaviour::relay, {HostSpec{"10.0.2.20", 25, false}                               }
        ),
  };
  Domain domain;
  domain.name = "company.ru";
  domain.aliases = {"tech.company.ru"};
  domain.mailboxes = "vk";
  domain.deliver_as = DeliverAs::alias;
  config.domains = {domain};
  config.routes = {
      Route{{"company.ru"}, "exchange"}
  };
  config.allow_without_auth = IpSet({*IpPrefix::parse("10.0.0.5"),
                                     *IpPrefix::parse("10.0.1.0/24"),
                                     *IpPrefix::parse("10.0.2.20"),
                                     *IpPrefix::parse("2001:db8:7::/48")});
  config.recipients.unknown_redirect = "exchange";
  config.gateways.external = {"dlp"};
  config.routing.trace_key = "a key of thirty-two octets, or so";
  config.routing.stages = default_stages();
  return config;
}

TemporaryFile::TemporaryFile(std::string_view content) {
  std::string pattern = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = pattern;
  path_ = folder_ + "/list.txt";
  write(content);
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void TemporaryFile::write(std::string_view content) const {
  std::ofstream out(path_, std::ios::binary | std::ios::trunc);
  out << content;
}

void TemporaryFile::replace_by(std::string_view content) const {
  const std::string beside = path_ + ".new";
  {
    std::ofstream out(beside, std::ios::binary);
    out << content;
  }
  std::filesystem::rename(beside, path_);
}

void TemporaryFile::remove() const {
  std::filesystem::remove(path_);
}

DirectoryAnswer FakeDirectory::look_up_now(const smtp::Mailbox& mailbox) const {
  if (!available) return {Presence::unavailable, "the directory is down"};
  const LocalKey key(mailbox.local(), false);
  if (known.contains(std::string(key.without_tag("+")))) return {Presence::known, "fake directory"};
  return {Presence::unknown, "not in the fake directory"};
}

net::Awaitable<DirectoryAnswer> FakeDirectory::look_up(smtp::Mailbox mailbox) const {
  co_return look_up_now(mailbox);
}

smtp::Mailbox mailbox(std::string_view text) {
  if (smtp::iequals(text, "postmaster")) return smtp::Mailbox(text, {});
  const std::size_t at = text.rfind('@');
  return smtp::Mailbox(text.substr(0, at), text.substr(at + 1));
}

std::string outcome_of(const Decision& decision) {
  if (decision.kind == DecisionKind::route) {
    return decision.target.name() + " " + decision.recipient_out.text();
  }
  if (decision.kind == DecisionKind::discard) return "discard " + std::string(decision.stage);
  return std::to_string(decision.reply.code()) + " " + decision.reply.status().str() + " " +
         std::string(decision.stage);
}

std::string trace_of(const Decision& decision) {
  std::string out;
  for (const TraceStep& step : decision.trace) {
    out += std::string(step.stage) + ": " + std::string(step.verdict) + ": " + step.reason.str() +
           "\n";
  }
  return out;
}

World::World(const std::function<void(Config&)>& change, const Registry& registry)
    : config(example_config()) {
  config.domains.front().cutover_file = cutover.path();
  directory.known = {"i.ivanov", "v.vetrov", "n.new"};
  if (change) change(config);
  lists_ = std::make_unique<CutoverLists>(config);
  const bool has_directory = config.recipients.directory != "none";
  const StageSources sources{&config, has_directory ? &directory : nullptr, lists_.get()};
  Result<Pipeline, std::string> built = Pipeline::build(registry, sources);
  if (!built) throw std::runtime_error(built.error());
  pipeline_.emplace(std::move(*built));
}

Decision World::decide(const Question& question) const {
  const Request request = request_for(question);
  std::optional<Decision> decision = pipeline_->decide_now(request);
  return decision ? std::move(*decision) : run(*pipeline_, request);
}

std::string World::outcome(const Question& question) const {
  return outcome_of(decide(question));
}

Decision run(const Pipeline& pipeline, const Request& request) {
  net::IoContext io;
  Decision out;
  std::exception_ptr thrown;
  net::asio::co_spawn(
      io.get_executor(), pipeline.decide(request), [&](std::exception_ptr e, Decision decision) {
        thrown = e;
        out = std::move(decision);
      });
  io.run();
  if (thrown) std::rethrow_exception(thrown);
  return out;
}

Situation::Situation(const Config& config, const Question& question)
    : domains(config.domains), request(request_for(question)) {
  progress.request = &request;
  progress.recipient = request.recipient;
  const DomainIndex::Found* found = domains.find(progress.recipient.domain());
  if (found != nullptr) {
    progress.domain = found->domain;
    progress.under_alias = found->under_alias;
  }
  progress.key = RecipientKey(progress.recipient.local(),
                              found != nullptr ? found->number : RecipientKey::kNoDomain,
                              config.recipients.case_sensitive,
                              config.recipients.delimiter);
  for (const NextHop& hop : config.next_hops) {
    if (hop.sources.contains(request.client)) progress.origins.push_back(&hop);
  }
}

Verdict ask(const Stage& stage, const Progress& progress) {
  Answer answer = stage.evaluate(progress);
  if (!std::holds_alternative<Verdict>(answer)) throw std::runtime_error("the stage wants to wait");
  auto verdict = std::get<Verdict>(std::move(answer));
  verdict.reason = Text(verdict.reason.str());
  auto* route = std::get_if<RouteTo>(&verdict.what);
  if (route != nullptr && route->recipient_out.empty()) route->recipient_out = progress.recipient;
  return verdict;
}

}  // namespace postern::routing::testing
