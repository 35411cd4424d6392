// SPDX-License-Identifier: Apache-2.0
#include "gateway/reloader.h"

#include "gateway/check.h"
#include "gateway/file_limit.h"
#include "gateway/proof/prove.h"
#include "gateway/record_files.h"
#include "gateway/replay_report.h"
#include "gateway/server.h"
#include "gateway/trace_key.h"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace postern::gateway {
namespace {

/// Names that did not resolve are asked for again so soon.
constexpr std::chrono::seconds kAskAgain{60};

void append(std::vector<Finding>& to, std::vector<Finding> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// Whether the letters of every class rest where they must; what is found joins `findings`.
bool stands_proof(const Config& config,
                  const ListFiles& lists,
                  bool force,
                  std::vector<Finding>& findings) {
  proof::Proof proof = proof::prove(config, &lists);
  const bool stands = exit_status(proof.findings) < static_cast<int>(Severity::error);
  append(findings, std::move(proof.findings));
  if (stands) return true;
  findings.push_back(config.finding(
      force ? Severity::warning : Severity::error,
      "",
      "not-proved",
      force ? "mail would circle or be lost (see above); taken all the same: --force"
            : "refused, mail would circle or be lost (see above); mend the config, or start with "
              "--force"));
  return force;
}

}  // namespace

std::string_view name_of(ReloadOutcome::Result result) {
  switch (result) {
    case ReloadOutcome::Result::taken:
      return "taken";
    case ReloadOutcome::Result::sound:
      return "sound";
    case ReloadOutcome::Result::refused:
      return "refused";
    case ReloadOutcome::Result::wrong:
      return "wrong";
    case ReloadOutcome::Result::stopped:
      break;
  }
  return "stopped";
}

LoadedConfig load_for_service(const std::string& path, const SourceQuery& query, bool force) {
  LoadedConfig out;
  out.forced = force;
  LoadResult loaded = load_config(path, Environment::from_process());
  out.findings = std::move(loaded.findings);
  if (!loaded.config) return out;
  const auto lists = std::make_shared<ListFiles>(loaded.config->routing);
  append(out.findings, check(*loaded.config, *lists));
  if (exit_status(out.findings) >= static_cast<int>(Severity::error)) return out;
  if (!stands_proof(*loaded.config, *lists, force, out.findings)) return out;
  std::string& key = loaded.config->routing.routing.trace_key;
  if (key.empty()) {
    const Result<std::string, TraceKeyError> made =
        load_or_create_trace_key(loaded.config->data_dir);
    if (!made) {
      out.findings.push_back(loaded.config->finding(
          Severity::error, "routing.trace_key", "trace-key", made.error().message));
      return out;
    }
    key = *made;
  }
  std::vector<Finding> unresolved = resolve_sources(*loaded.config, query);
  out.complete = unresolved.empty();
  append(out.findings, std::move(unresolved));
  Snapshot::Options options;
  options.lists = lists;
  const auto snapshot = Snapshot::build(std::move(*loaded.config), std::move(options));
  if (snapshot) {
    out.snapshot = *snapshot;
  } else {
    append(out.findings, snapshot.error());
  }
  return out;
}

Reloader::Reloader(Server& server, std::string path, LoadedConfig current)
    : server_(server),
      path_(std::move(path)),
      current_(std::move(current)),
      again_(server.context().get_executor()) {
  complete_ = current_.complete;
  ask_again_if_incomplete();
}

void Reloader::request() {
  if (std::exchange(running_, true)) {
    requested_ = true;  // what is being read may be older than the request
    return;
  }
  again_.cancel();
  thread_ = std::jthread([this](const std::stop_token& stop) {
    ReloadOrder order;
    order.stop = stop;
    reload(order);
    if (stop.stop_requested()) return;
    boost::asio::post(server_.context(), [this] { requested_is_done(); });
  });
}

void Reloader::requested_is_done() {
  thread_.join();
  running_ = false;
  ask_again_if_incomplete();
  if (std::exchange(requested_, false)) request();
}

ReloadOutcome Reloader::reload(const ReloadOrder& order) {
  const std::scoped_lock lock(one_);
  ReloadOutcome outcome = perform(order);
  log(order, outcome);
  boost::asio::post(server_.context(), [this, complete = current_.complete] {
    complete_ = complete;
    if (!running_) ask_again_if_incomplete();
  });
  return outcome;
}

ReloadOutcome Reloader::perform(const ReloadOrder& order) {
  using Outcome = ReloadOutcome::Result;
  ReloadOutcome out;
  SourceQuery query;
  query.before = &current_.snapshot->config();
  query.stop = order.stop;
  LoadedConfig next = load_for_service(path_, query, current_.forced);
  out.findings = std::move(next.findings);
  if (order.stop.stop_requested()) return out;
  out.result = Outcome::wrong;
  if (!next.snapshot) return out;
  out.result = order.dry_run ? Outcome::sound : Outcome::taken;
  if (order.guard || order.dry_run) judge(order, *next.snapshot, out);
  if (out.result != Outcome::taken) return out;
  current_ = std::move(next);
  out.need_restart = server_.reload(current_.snapshot);
  const StartSettings wanted = StartSettings::of(current_.snapshot->config());
  out.restart_for = server_.start_settings().changed(wanted);
  return out;
}

/// What would change, and whether the guard lets it. What goes another way is told from what the
/// config in force decides now, not from what was recorded: that may have been decided by an older
/// one still.
void Reloader::judge(const ReloadOrder& order, const Snapshot& next, ReloadOutcome& outcome) const {
  using Outcome = ReloadOutcome::Result;
  EnvelopeRecorder* const recorder = server_.recorder();
  if (recorder == nullptr || current_.snapshot->config().record.envelopes == 0) {
    outcome.note = "no envelopes are recorded ([record] envelopes): nothing to compare with";
    if (order.guard) outcome.result = Outcome::refused;
    return;
  }
  recorder->flush();
  Replay replay(next, current_.snapshot.get());
  const auto read = read_records(recorder->folder(), 0, [&](const RecordedEnvelope& envelope) {
    replay.add(envelope);
    return !order.stop.stop_requested();
  });
  if (order.stop.stop_requested()) {
    outcome.result = Outcome::stopped;
    return;
  }
  if (!read) {
    outcome.note = read.error();
    if (order.guard) outcome.result = Outcome::refused;
    return;
  }
  outcome.report = replay.finish();
  outcome.report->damaged = read->damaged;
  if (!order.guard) return;
  const double share = outcome.report->share();
  if (outcome.report->recipients == 0) {
    outcome.note = "no envelope is recorded yet: the guard had nothing to look at";
  } else if (share > *order.guard) {
    outcome.result = Outcome::refused;
    outcome.note = fmt::format(
        "{} of the recorded recipients would change or be deferred, more "
        "than the guard's {}",
        percent(share),
        percent(*order.guard));
  }
}

void Reloader::log(const ReloadOrder& order, const ReloadOutcome& outcome) const {
  using Outcome = ReloadOutcome::Result;
  if (order.dry_run || outcome.result == Outcome::stopped) return;
  for (const Finding& finding : outcome.findings)
    spdlog::warn("{}", format_text(finding));
  for (const std::string& name : outcome.need_restart) {
    spdlog::warn("listener {} is new, gone or has another address: that needs a restart", name);
  }
  for (const std::string& key : outcome.restart_for)
    spdlog::warn("{} has changed since the start: that needs a restart", key);
  switch (outcome.result) {
    case Outcome::taken:
      spdlog::info("reloaded {}", path_);
      if (const std::string few = too_few_files(current_.snapshot->config()); !few.empty())
        spdlog::warn("{}", few);
      break;
    case Outcome::refused:
      spdlog::warn("{} is not taken: {}: the config of before goes on", path_, outcome.note);
      break;
    default:
      spdlog::error("{} is not taken: the config of before goes on", path_);
  }
}

void Reloader::ask_again_if_incomplete() {
  again_.cancel();
  if (complete_) return;
  again_.expires_after(kAskAgain);
  again_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) request();
  });
}

}  // namespace postern::gateway
