// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"
#include "gateway/config_edit.h"
#include "gateway/config_replace.h"
#include "gateway/control_socket.h"
#include "tools/queue_print.h"
#include "tools/wave_gateway.h"
#include "tools/wave_log.h"
#include "tools/wave_run.h"
#include "tools/wave_steps.h"
#include "tools/wave_ways.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

namespace postern::tools {
namespace {

using gateway::Finding;
using gateway::Snapshot;
using routing::WaveState;
using Json = nlohmann::ordered_json;

constexpr int kNotRunning = 69;  // EX_UNAVAILABLE

/// One change while it is made.
class Change {
 public:
  explicit Change(const WaveRun& run) : run_(run), options_(run.options) {}

  int make() {
    auto file = gateway::ConfigFile::open(options_.config);
    if (!file) return run_.fail(kWaveWrongUse, file.error().text);
    before_ = wave_snapshot(run_, (*file)->text(), nullptr);
    if (!before_) return kWaveWrongUse;
    const routing::Waves::Wave* wave = before_->waves().find(options_.name);
    if (wave == nullptr) return no_such_wave(run_, before_->config());
    wave_ = wave;
    from_ = wave->config.state;
    socket_ = gateway::control_path(before_->config().data_dir);
    if (from_ == options_.state) return stay();
    const gateway::Parsed<std::string> text =
        gateway::with_wave_state((*file)->text(), options_.name, options_.state);
    if (!text) return run_.fail(kWaveRefused, text.error().text);
    const int status = judge(*text);
    if (status != kWaveDone) return status;
    ways_ = compare_ways(*before_, *after_, options_.name);
    if (options_.dry_run) return preview();
    return carry_out(**file, *text);
  }

 private:
  bool changes_ways() const {
    return (from_ == WaveState::cutover) != (options_.state == WaveState::cutover);
  }

  /// May it be done? Makes after_.
  int judge(const std::string& text) {
    std::vector<Finding> findings;
    after_ = wave_snapshot(run_, text, &findings);
    if (!after_) return kWaveWrongUse;
    if (gateway::exit_status(findings) >= 2) {
      std::erase_if(findings,
                    [](const Finding& f) { return f.severity != gateway::Severity::error; });
      print_findings(findings, run_.err);
      return run_.fail(
          kWaveWrongUse,
          "a gateway would not take this config: mend that first; nothing was changed");
    }
    std::vector<std::string> doubts;
    if (auto doubt = doubt_about_step(from_, options_.state)) doubts.push_back(std::move(*doubt));
    const std::string problem = problem_of_members(*before_, *wave_);
    if (options_.state == WaveState::cutover && !problem.empty()) {
      doubts.push_back(
          fmt::format("its members cannot be read ({}), so that mail for domains of "
                      "ours would get 451 4.4.3",
                      problem));
    }
    for (const std::string& doubt : doubts) {
      if (options_.force) {
        run_.err << "postern wave: warning: " << doubt << "\n";
      } else {
        return run_.fail(
            kWaveRefused,
            fmt::format("{}; nothing was changed (--force does it all the same)", doubt));
      }
    }
    return kWaveDone;
  }

  Json result(bool changed) const {
    Json out;
    out["wave"] = options_.name;
    out["from"] = routing::name_of(from_);
    out["to"] = routing::name_of(options_.state);
    out["changed"] = changed;
    out["dry_run"] = options_.dry_run;
    out["members"] = ways_.users ? Json(*ways_.users) : Json();
    out["ways"] = Json::array();
    for (const WayChange& change : ways_.changes) {
      out["ways"].push_back({
          {"from",  change.from },
          {"to",    change.to   },
          {"users", change.users}
      });
    }
    out["first"] = ways_.first;
    return out;
  }

  void print_ways(std::string_view verb) const {
    run_.out << fmt::format(
        "wave {}: {} -> {}, {}\n",
        options_.name,
        routing::name_of(from_),
        routing::name_of(options_.state),
        ways_.users ? counted(*ways_.users, "member") : "members of " + wave_->config.members);
    for (const WayChange& change : ways_.changes) {
      run_.out << fmt::format(
          "{} {}: {} -> {}\n", counted(change.users, "user"), verb, change.from, change.to);
    }
    if (!ways_.users) {
      run_.out << "members cannot be listed: they are asked about when mail comes\n";
    } else if (ways_.changes.empty()) {
      run_.out << "nobody's way changes\n";
    }
    for (const std::string& user : ways_.first)
      run_.out << "  " << user << "\n";
    std::size_t all = 0;
    for (const WayChange& change : ways_.changes)
      all += change.users;
    if (all > ways_.first.size()) run_.out << "  and " << all - ways_.first.size() << " more\n";
  }

  int preview() const {
    const auto queued = queued_for(socket_, *wave_->members);
    if (options_.json) {
      Json out = result(false);
      out["queue"] = queued
                         ? Json({
                               {"messages",   queued->messages  },
                               {"recipients", queued->recipients}
      })
                         : Json();
      run_.print_json(out);
      return kWaveDone;
    }
    print_ways("would go");
    if (queued) {
      run_.out << fmt::format("in the queue for them: {}, {}\n",
                              counted(queued->messages, "message"),
                              counted(queued->recipients, "recipient"));
    } else {
      run_.out << "the queue was not asked: " << queued.error().text << "\n";
    }
    run_.out << "dry run: nothing was changed\n";
    return kWaveDone;
  }

  int carry_out(gateway::ConfigFile& file, const std::string& text) {
    auto log = WaveLog::open(wave_log_path(before_->config().data_dir));
    if (!log) return run_.fail(kWaveRefused, log.error().text + "; nothing was changed");
    const gateway::Parsed<void> replaced = file.replace(text);
    if (!replaced) return run_.fail(kWaveRefused, replaced.error().text);
    const gateway::Parsed<void> told = log->append(WaveChange{
        time_now(), user_now(), options_.name, from_, options_.state, members_in(*wave_)});
    if (!told)
      run_.err << "postern wave: the config was changed, but " << told.error().text << "\n";
    if (!options_.json) print_ways("go");
    const int status = tell_gateway(result(true));
    return told ? status : kWaveRefused;
  }

  /// The file says so already; a gateway that has missed it is told.
  int stay() {
    ways_ = compare_ways(*before_, *before_, options_.name);
    const auto running = running_waves(socket_);
    const auto found = running ? running->find(options_.name) : decltype(running->end())();
    const bool stale =
        running && (found == running->end() || found->second != routing::name_of(options_.state));
    if (!options_.json) {
      run_.out << fmt::format("wave {} is {} already: the config was not changed\n",
                              options_.name,
                              routing::name_of(options_.state));
    }
    if (stale && !options_.dry_run) return tell_gateway(result(false));
    if (options_.json) run_.print_json(result(false));
    return kWaveDone;
  }

  /// Has it reload, and what waits in the queue for the members follow.
  int tell_gateway(Json out) {
    const auto reloaded = reload_gateway(socket_, options_.name, options_.state);
    const bool absent = !reloaded && reloaded.error().status == kNotRunning;
    std::string gateway = "reloaded";
    Retried retried;
    if (!reloaded) gateway = reloaded.error().text;
    if (reloaded && (changes_ways() || from_ == options_.state)) retried = wake(gateway);
    if (options_.json) {
      out["gateway"] = gateway;
      out["retried"] = retried.messages;
      out["busy"] = retried.busy;
      run_.print_json(out);
    } else if (absent) {
      run_.out << gateway << "; it takes the change when it starts\n";
    } else if (reloaded) {
      run_.out << "the gateway has taken the change";
      if (retried.messages > 0) {
        run_.out << "; " << counted(retried.messages, "message") << " tried again now";
      }
      if (retried.busy > 0) {
        run_.out << "; " << counted(retried.busy, "message")
                 << " being delivered at this moment: what is left of them follows at its next try";
      }
      run_.out << "\n";
    }
    if (reloaded || absent) return kWaveDone;
    return run_.fail(kWaveRefused, "the config was changed, but " + gateway);
  }

  Retried wake(std::string& gateway) const {
    const auto queued = queued_for(socket_, *wave_->members);
    if (!queued || queued->ids.empty()) return {};
    const auto retried = retry_messages(socket_, queued->ids);
    if (retried) return *retried;
    gateway += "; the queue was not woken: " + retried.error().text;
    return {};
  }

  const WaveRun& run_;
  const WaveOptions& options_;
  std::shared_ptr<const Snapshot> before_;
  std::shared_ptr<const Snapshot> after_;
  const routing::Waves::Wave* wave_ = nullptr;  ///< of before_
  WaveState from_ = WaveState::planned;
  std::string socket_;
  WayChanges ways_;
};

}  // namespace

int set_wave(const WaveRun& run) {
  return Change(run).make();
}

}  // namespace postern::tools
