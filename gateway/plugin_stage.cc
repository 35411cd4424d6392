// SPDX-License-Identifier: Apache-2.0
#include "gateway/plugin_stage.h"

#include "base/printable.h"
#include "routing/replies.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <exception>
#include <optional>
#include <utility>

namespace postern::gateway {
namespace {

using routing::Answer;
using routing::Progress;
using Said = plugin::Verdict;

constexpr std::size_t kMostReason = 500;
constexpr std::size_t kMostText = 200;
constexpr std::size_t kMostOrigins = 8;

class SiteOf final : public plugin::Site {
 public:
  SiteOf(const PluginConfig& plugin, const routing::Config& config)
      : plugin_(plugin), config_(config) {}

  std::string_view option(std::string_view name, std::string_view otherwise) const override {
    const auto found = plugin_.options.find(name);
    return found == plugin_.options.end() ? otherwise : std::string_view(found->second);
  }
  bool has_next_hop(std::string_view name) const override {
    return config_.find_next_hop(name) != nullptr;
  }
  std::string_view hostname() const override { return config_.hostname; }

 private:
  const PluginConfig& plugin_;
  const routing::Config& config_;
};

/// What is under way as the plug-in sees it.
class QuestionOf {
 public:
  explicit QuestionOf(const Progress& progress) : client_(progress.request->client.to_string()) {
    const routing::Request& request = *progress.request;
    question.recipient = progress.recipient.text();
    question.local = progress.recipient.local();
    question.domain = progress.recipient.domain();
    question.came_as = request.recipient.text();
    if (progress.domain != nullptr) question.our_domain = progress.domain->name;
    question.under_alias = progress.under_alias;
    question.bound = progress.bound;
    if (request.sender != nullptr) question.sender = request.sender->path.text();
    question.client = client_;
    for (const routing::NextHop* hop : progress.origins) {
      if (question.origins.count < origins_.size())
        origins_.at(question.origins.count++) = hop->name;
    }
    question.origins.first = origins_.data();
    question.listener = request.listener;
    question.is_submission = request.role == routing::Role::submission;
    question.identity = request.identity;
    question.size = request.size.value_or(0);
    if (!request.session) return;
    question.has_client = true;
    question.helo = request.session->helo;
    question.is_tls = !request.session->tls_version.empty();
  }
  QuestionOf(QuestionOf&&) = delete;

  plugin::Question question;

 private:
  std::string client_;
  std::array<std::string_view, kMostOrigins> origins_;
};

smtp::EnhancedStatus status_of(std::string_view text, int code) {
  std::array<std::uint16_t, 3> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  std::size_t part = 0;
  for (; part < numbers.size(); ++part) {
    const auto [rest, error] = std::from_chars(at, end, numbers.at(part));
    if (error != std::errc() || numbers.at(part) > 999) break;
    at = rest;
    if (part + 1 < numbers.size() && (at == end || *at++ != '.')) break;
  }
  const auto klass = static_cast<std::uint16_t>(code / 100);
  if (part == numbers.size() && at == end && numbers[0] == klass) {
    return {numbers[0], numbers[1], numbers[2]};
  }
  return {klass, 7, 1};
}

smtp::Reply reply_of(const Said& said, int usual) {
  const int code = said.code / 100 == usual / 100 && said.code != 421 ? said.code : usual;
  std::string text = printable(said.text, kMostText);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) > 0x7E) c = '?';
  }
  if (text.empty()) text = usual >= 500 ? "refused" : "try again later";
  return smtp::Reply(code, status_of(said.status, code), Text(std::move(text)));
}

/// A plug-in's stage among the others. Nothing that it throws gets out.
class PluginStage final : public routing::Stage {
 public:
  PluginStage(std::string name,
              std::unique_ptr<plugin::Stage> stage,
              std::string failure,
              const routing::Config& config)
      : name_(std::move(name)),
        stage_(std::move(stage)),
        failure_(std::move(failure)),
        config_(config) {}

  std::string_view name() const override { return name_; }
  bool is_idle() const override { return stage_ != nullptr && stage_->is_idle(); }

  Answer evaluate(const Progress& progress) const override {
    if (stage_ == nullptr) return broken(failure_);
    const QuestionOf of(progress);
    try {
      return verdict_of(stage_->judge(of.question));
    } catch (const std::exception& error) {
      return broken(fmt::format("it threw: {}", error.what()));
    } catch (...) {
      return broken("it threw");
    }
  }

 private:
  routing::Verdict broken(std::string_view why) const {
    return {routing::Defer{smtp::Reply(
                451, {4, 3, 0}, "this recipient cannot be checked now; try again later"_text)},
            printable(fmt::format("the plug-in's stage failed: {}", why), kMostReason)};
  }

  routing::Verdict route(const Said& said, Text reason) const {
    routing::RouteTo route;
    for (const std::string& name : said.next_hops) {
      const routing::NextHop* hop = config_.find_next_hop(name);
      if (hop == nullptr) return broken(fmt::format("it routes to \"{}\", no next hop", name));
      route.target.hops.push_back(hop);
    }
    const Result<smtp::Mailbox> address = smtp::Mailbox::parse(said.address);
    if (!address || route.target.hops.empty()) return broken(no_address(said));
    route.recipient_out = *address;
    return {std::move(route), std::move(reason)};
  }

  static std::string no_address(const Said& said) {
    return fmt::format("\"{}\" is no address, or there is no next hop", said.address);
  }

  routing::Verdict verdict_of(const Said& said) const {
    Text reason(printable(said.reason, kMostReason));
    switch (said.kind) {
      case Said::Kind::pass:
        return {routing::Pass{}, std::move(reason), said.is_told};
      case Said::Kind::bind:
        return {routing::Bind{}, std::move(reason), said.is_told};
      case Said::Kind::rewrite:
        if (const Result<smtp::Mailbox> address = smtp::Mailbox::parse(said.address)) {
          return {routing::Rewrite{*address}, std::move(reason), said.is_told};
        }
        return broken(fmt::format("\"{}\" is no address", said.address));
      case Said::Kind::route:
        return route(said, std::move(reason));
      case Said::Kind::reject:
        return {routing::Reject{reply_of(said, 550)}, std::move(reason)};
      case Said::Kind::defer:
        return {routing::Defer{reply_of(said, 451)}, std::move(reason)};
      case Said::Kind::discard:
        return {routing::Discard{}, std::move(reason)};
    }
    return broken("it says what postern does not know");
  }

  const std::string name_;
  const std::unique_ptr<plugin::Stage> stage_;
  const std::string failure_;
  const routing::Config& config_;
};

/// A stage, or why there is none.
std::pair<std::unique_ptr<plugin::Stage>, std::string> make(const PluginConfig& plugin,
                                                            plugin::Maker maker,
                                                            const routing::Config& config) {
  const SiteOf site(plugin, config);
  try {
    std::unique_ptr<plugin::Stage> stage = maker(site);
    std::string why = stage ? "" : "it made no stage";
    return {std::move(stage), std::move(why)};
  } catch (const std::exception& error) {
    return {nullptr, printable(error.what(), kMostReason)};
  } catch (...) {
    return {nullptr, "it threw"};
  }
}

}  // namespace

routing::StageFactory plugin_stage_factory(std::string name,
                                           std::shared_ptr<const PluginConfig> plugin,
                                           plugin::Maker maker) {
  return [name = std::move(name), plugin = std::move(plugin), maker](
             const routing::StageSources& sources) {
    auto [stage, failure] = make(*plugin, maker, *sources.config);
    return std::make_unique<PluginStage>(
        name, std::move(stage), std::move(failure), *sources.config);
  };
}

Result<void, std::string> try_plugin_stage(const PluginConfig& plugin,
                                           plugin::Maker maker,
                                           const routing::Config& config) {
  auto [stage, failure] = make(plugin, maker, config);
  if (stage == nullptr) return failure;
  return {};
}

}  // namespace postern::gateway
