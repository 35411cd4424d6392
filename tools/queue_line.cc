// SPDX-License-Identifier: Apache-2.0
#include "tools/queue_line.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::tools {
namespace {

using gateway::ControlCommand;

constexpr ControlCommand kAll[] = {ControlCommand::list,
                                   ControlCommand::show,
                                   ControlCommand::hold,
                                   ControlCommand::release,
                                   ControlCommand::retry,
                                   ControlCommand::remove,
                                   ControlCommand::bounce,
                                   ControlCommand::stats};
constexpr std::size_t kIdLetters = 13;

/// Letters and digits; the gateway knows the rest.
bool looks_like_an_id(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  return text.size() == kIdLetters && std::all_of(text.begin(), text.end(), plain);
}

}  // namespace

QueueLine::QueueLine(CLI::App& app, const std::string& default_config) : config_(default_config) {
  queue_ = app.add_subcommand(
      "queue", "the letters in the queue of the gateway that runs: list, show, hold, remove, ...");
  queue_->require_subcommand(1);
  queue_->add_option("-c,--config", config_, "the gateway's config file; data_dir is taken from it")
      ->type_name("FILE")
      ->capture_default_str();
  queue_->footer(
      "Exit status: 0 done, 1 refused or nothing matched, 2 wrong use, 69 postern is not running, "
      "77 not this user's.");
  add_filters(*add(ControlCommand::list, "what is in the queue, oldest first"));
  CLI::App* show = add(ControlCommand::show, "all about one letter, and its header fields");
  show->add_option("id", typed_.ids, "the letter's id")->type_name("ID")->required()->expected(1);
  show->add_flag("--body", typed_.body, "the whole letter");
  add_change(ControlCommand::hold, "are not delivered until they are released");
  add_change(ControlCommand::release, "go on after a hold");
  add_change(ControlCommand::retry, "are tried now");
  add_change(ControlCommand::remove, "are dropped, and nobody is told (asks first)");
  add_change(ControlCommand::bounce, "are given up, and their senders told (asks first)");
  add(ControlCommand::stats, "what was accepted, delivered, bounced; next hops; the spool");
}

CLI::App* QueueLine::add(ControlCommand command, const std::string& what) {
  CLI::App* added = queue_->add_subcommand(std::string(gateway::name_of(command)), what);
  added->fallthrough();  // --config may stand behind it too
  added->add_flag("--json", typed_.json, "JSON, one object a line");
  return added;
}

void QueueLine::add_filters(CLI::App& command) {
  const std::string group = "Filters (all of them must match)";
  command.add_option("--hop", typed_.hop, "recipients that wait for this next hop")
      ->type_name("NAME")
      ->group(group);
  command.add_option("--sender", typed_.sender, "sender; * is any text, \"<>\" the null sender")
      ->type_name("ADDRESS")
      ->group(group);
  command.add_option("--recipient", typed_.recipient, "recipients; * is any text")
      ->type_name("ADDRESS")
      ->group(group);
  command.add_option("--older", typed_.older, "received longer ago than this: 90s, 4h, 5d")
      ->type_name("DURATION")
      ->group(group);
  command.add_option("--state", typed_.state, "waiting, deferred (tried before) or held")
      ->type_name("STATE")
      ->group(group);
}

void QueueLine::add_change(ControlCommand command, const std::string& what) {
  CLI::App* added = add(command, "letters, by id or filter, that " + what);
  added->add_option("id", typed_.ids, "ids of letters")->type_name("ID")->expected(0, -1);
  add_filters(*added);
  added->add_flag("--all", typed_.all, "everything in the queue");
  added->add_flag("--dry-run", typed_.dry_run, "only list what would be changed");
  added->add_flag("-y,--yes", typed_.yes, "do not ask");
}

gateway::Parsed<QueueOptions> QueueLine::options() const {
  QueueOptions out;
  out.config = config_;
  out.json = typed_.json;
  out.yes = typed_.yes;
  gateway::ControlRequest& request = out.request;
  for (const ControlCommand command : kAll) {
    if (queue_->got_subcommand(std::string(gateway::name_of(command)))) request.command = command;
  }
  const std::string name = fmt::format("postern queue {}", gateway::name_of(request.command));
  request.ids = typed_.ids;
  request.all = typed_.all;
  request.dry_run = typed_.dry_run;
  request.body = typed_.body;
  gateway::ControlFilter& filter = request.filter;
  filter.hop = typed_.hop;
  filter.sender = typed_.sender;
  filter.recipient = typed_.recipient;
  for (const std::string& id : request.ids) {
    if (looks_like_an_id(id)) continue;
    return gateway::Mistake{
        fmt::format("{}: \"{}\" is no id; write one as \"postern queue list\" shows it", name, id)};
  }
  if (!typed_.older.empty()) {
    const auto older = gateway::parse_duration(typed_.older);
    if (!older) return gateway::Mistake{fmt::format("{}: --older: {}", name, older.error().text)};
    filter.older = std::chrono::duration_cast<std::chrono::seconds>(*older);
  }
  if (!typed_.state.empty()) {
    filter.state = gateway::parse_state(typed_.state);
    if (!filter.state) {
      return gateway::Mistake{
          fmt::format("{}: --state: there is no \"{}\"; write \"waiting\", \"deferred\" or "
                      "\"held\"",
                      name,
                      typed_.state)};
    }
  }
  if (!gateway::changes_messages(request.command)) return out;
  const int ways = int{!request.ids.empty()} + int{!filter.empty()} + int{request.all};
  if (ways == 0) return gateway::Mistake{name + ": which letters? Write ids, filters, or --all"};
  if (ways > 1) return gateway::Mistake{name + ": write either ids, or filters, or --all"};
  return out;
}

}  // namespace postern::tools
