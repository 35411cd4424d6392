// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"
#include "routing/address_patterns.h"
#include "routing/rewrite_map.h"

#include <algorithm>

// [[sender_route]] [[rewrite]] [[journal]] [[list]], and [[domain]] dual_delivery: docs/ways.md.

namespace postern::gateway {
namespace {

constexpr std::size_t kMostReply = 200;  ///< octets of a reply's text, which stands on one line

void read_patterns(Reader& reader,
                   Section& section,
                   std::string_view key,
                   std::vector<std::string>& out) {
  section.each(key, [&reader, &out](const std::string& path, const std::string& text) {
    if (!routing::AddressPatterns::is_pattern(text)) {
      return reader.error(path,
                          "bad-pattern",
                          fmt::format("\"{}\" is no address; write \"user@company.ru\", "
                                      "\"@company.ru\", \"@*.company.ru\", \"*\", or \"\" for "
                                      "the null sender",
                                      text));
    }
    out.push_back(text);
  });
}

void read_sender_route(Reader& reader, Section& section) {
  routing::SenderRoute rule;
  const std::size_t before = reader.findings.size();
  read_patterns(reader, section, "senders", rule.senders);
  section.read("clients", rule.clients);
  section.read("via", rule.via, Need::required);
  section.read("all", rule.all);
  if (rule.senders.empty() && rule.clients.empty() && reader.findings.size() == before) {
    section.fail("senders",
                 "no-condition",
                 "it would take everybody's mail; write senders or clients, or a [[route]] with "
                 "domains = [\"*\"]");
  }
  reader.config.routing.sender_routes.push_back(std::move(rule));
}

void read_rewrite(Reader& reader, Section& section) {
  routing::RewriteRule rule;
  section.read("from", rule.from);
  section.read("to", rule.to);
  std::string map;
  section.read("map", map);
  if (section.has("map")) {
    const std::optional<std::string> path = file_of(map);
    if (path) rule.map = *path;
    if (!path) {
      section.fail("map", "bad-value", fmt::format("\"{}\" is no file; write \"file:/path\"", map));
    } else if (section.has("from") || section.has("to")) {
      section.fail("map", "contradiction", "write either map, or from and to, in one [[rewrite]]");
    }
  } else if (rule.from.empty() || rule.to.empty()) {
    section.fail(rule.from.empty() ? "from" : "to",
                 "missing-key",
                 "write from and to (two addresses, or two domains as in \"@old.ru\"), or map = "
                 "\"file:/path\"");
  } else if (!routing::RewriteMap(routing::MailboxRules()).add(rule.from, rule.to)) {
    section.fail("from",
                 "bad-rewrite",
                 fmt::format("\"{}\" to \"{}\" is neither two addresses nor two domains; write "
                             "\"old@a.ru\" and \"new@b.ru\", or \"@a.ru\" and \"@b.ru\"",
                             rule.from,
                             rule.to));
    rule = routing::RewriteRule();
  }
  reader.config.routing.rewrites.push_back(std::move(rule));
}

void read_journal(Reader& reader, Section& section) {
  routing::Journal rule;
  section.read("to", rule.to, Need::required);
  const Result<smtp::Mailbox> to = smtp::Mailbox::parse(rule.to);
  if (!rule.to.empty() && (!to || !to->has_domain())) {
    section.fail("to",
                 "bad-address",
                 fmt::format("\"{}\" is no address; write \"archive@company.ru\"", rule.to));
  }
  section.read("via", rule.via, Need::required);
  read_patterns(reader, section, "senders", rule.senders);
  read_patterns(reader, section, "recipients", rule.recipients);
  reader.config.routing.journals.push_back(std::move(rule));
}

void read_reply(Section& section, routing::ListRule& rule) {
  section.read("reply", rule.reply);
  if (!section.has("reply")) {
    rule.reply = "not wanted here";
  } else if (rule.action == routing::ListRule::Action::discard) {
    section.fail("reply",
                 "contradiction",
                 "what is discarded gets 250; leave reply out, or write action = \"reject\"");
  }
  const auto printable = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (rule.reply.empty() || rule.reply.size() > kMostReply ||
      !std::all_of(rule.reply.begin(), rule.reply.end(), printable)) {
    section.fail(
        "reply",
        "bad-value",
        fmt::format("a reply is one line of 1 to {} ASCII characters, without code", kMostReply));
  }
}

void read_list(Reader& reader, Section& section) {
  using Action = routing::ListRule::Action;
  routing::ListRule rule;
  const std::size_t before = reader.findings.size();
  std::string action;
  section.read("action", action, Need::required);
  if (action == "discard") {
    rule.action = Action::discard;
  } else if (action != "reject" && !action.empty()) {
    section.fail("action",
                 "bad-value",
                 fmt::format("\"{}\" is no action; write \"reject\" or \"discard\"", action));
  }
  read_patterns(reader, section, "senders", rule.senders);
  read_patterns(reader, section, "recipients", rule.recipients);
  section.read("clients", rule.clients);
  read_reply(section, rule);
  if (rule.senders.empty() && rule.recipients.empty() && rule.clients.empty() &&
      reader.findings.size() == before) {
    section.fail(
        "action", "no-condition", "it would stop all mail; write senders, recipients or clients");
  }
  reader.config.routing.lists.push_back(std::move(rule));
}

void check_circle(Reader& reader) {
  const routing::Config& config = reader.config.routing;
  routing::RewriteMap all(routing::MailboxRules{
      nullptr, config.recipients.case_sensitive, config.recipients.delimiter});
  for (std::size_t i = 0; i < config.rewrites.size(); ++i) {
    if (config.rewrites[i].from.empty()) continue;
    all.add(config.rewrites[i].from, config.rewrites[i].to);
    const std::vector<std::string> circle = all.cycle();
    if (circle.empty()) continue;
    reader.error(
        fmt::format("rewrite[{}].from", i),
        "rewrite-loop",
        fmt::format("these rules lead in a circle: {}; leave one out", fmt::join(circle, " -> ")));
    return;
  }
}

}  // namespace

void read_dual_delivery(Section& section, routing::Domain& domain) {
  section.read("dual_delivery", domain.dual_delivery);
  if (!section.has("dual_delivery") || domain.dual_delivery == "*") return;
  const std::optional<std::string> path = file_of(domain.dual_delivery);
  if (path) {
    domain.dual_delivery = *path;
    return;
  }
  const std::string like = domain.dual_delivery.starts_with('/') ? domain.dual_delivery : "/path";
  section.fail("dual_delivery",
               "bad-value",
               fmt::format("\"{}\" does not say who; write \"file:{}\", or \"*\" for everybody",
                           domain.dual_delivery,
                           like));
  domain.dual_delivery.clear();
}

void read_ways(Reader& reader, Section& top) {
  top.each_table("sender_route", [&reader](Section& s) { read_sender_route(reader, s); });
  top.each_table("rewrite", [&reader](Section& s) { read_rewrite(reader, s); });
  top.each_table("journal", [&reader](Section& s) { read_journal(reader, s); });
  top.each_table("list", [&reader](Section& s) { read_list(reader, s); });
  check_circle(reader);
}

}  // namespace postern::gateway
