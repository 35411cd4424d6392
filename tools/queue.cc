// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_data_dir.h"
#include "gateway/control_socket.h"
#include "gateway/control_text.h"
#include "tools/commands.h"
#include "tools/control_client.h"
#include "tools/queue_print.h"

#include <fmt/format.h>

#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

namespace postern::tools {
namespace {

using gateway::ControlCommand;
using gateway::ControlRequest;
using Json = nlohmann::ordered_json;

constexpr int kDone = 0;
constexpr int kNothing = 1;
constexpr int kWrongUse = 2;
/// Messages that a question names.
constexpr std::uint64_t kNamed = 10;

/// One `postern queue` command while it runs.
struct Run {
  const QueueOptions& options;
  std::string socket;
  std::ostream& out;
  std::ostream& err;

  std::string name() const { return std::string(gateway::name_of(options.request.command)); }
  int fail(const ControlFailure& failure) {
    err << "postern queue " << name() << ": " << failure.text << "\n";
    return failure.status;
  }
  void print_json(const Json& object) {
    out << object.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  }
};

std::uint64_t number(const Json& object, const char* key) {
  return object.value(key, std::uint64_t{0});
}

std::string past_of(ControlCommand command) {
  switch (command) {
    case ControlCommand::hold:
      return "held";
    case ControlCommand::release:
      return "released";
    case ControlCommand::retry:
      return "scheduled for now";
    case ControlCommand::remove:
      return "removed";
    case ControlCommand::bounce:
      return "bounced";
    default:
      return "listed";
  }
}

/// A message that was not changed, or was changed in part.
void print_refusal(Run& run, const Json& line) {
  if (line.contains("error")) {
    run.err << harmless(line.value("id", std::string())) << ": "
            << harmless(line.value("error", std::string())) << "\n";
  }
  if (number(line, "busy") > 0) {
    run.err << line.value("id", std::string()) << ": " << counted(number(line, "busy"), "recipient")
            << " being delivered at this moment, left alone\n";
  }
}

int list(Run& run, const ControlRequest& request) {
  bool first = true;
  const auto answer = ask(run.socket, request, [&](const Json& line) {
    if (line.contains("error")) return print_refusal(run, line);
    if (run.options.json) return run.print_json(line);
    if (std::exchange(first, false)) run.out << list_heading() << "\n";
    run.out << list_line(line) << "\n";
  });
  if (!answer) return run.fail(answer.error());
  const std::uint64_t messages = number(*answer, "messages");
  const bool any = messages > 0;
  if (!run.options.json && any) {
    run.out << counted(messages, "message") << ", "
            << counted(number(*answer, "recipients"), "recipient") << ", "
            << short_size(number(*answer, "size")) << "\n";
  }
  const bool whole = request.command == ControlCommand::list && request.filter.empty();
  if (!any && !run.options.json) {
    run.out << (whole ? "the queue is empty\n" : "no message in the queue matches\n");
  }
  if (request.dry_run && any && !run.options.json) run.out << "dry run: nothing was changed\n";
  return any || whole ? kDone : kNothing;
}

int show(Run& run) {
  Json message;
  std::string octets;
  const bool json = run.options.json;
  const auto answer = ask(run.socket, run.options.request, [&](const Json& line) {
    if (!line.contains("octets")) {
      message = line;
      if (!json) print_details(message, run.out);
      return;
    }
    const std::string piece = gateway::text_as_octets(line.value("octets", std::string()));
    if (json) {
      octets += piece;
    } else {
      print_octets(piece, run.out);
    }
  });
  if (!answer) return run.fail(answer.error());
  if (json) {
    message[run.options.request.body ? "message" : "headers"] = octets;
    run.print_json(message);
  }
  return kDone;
}

int stats(Run& run) {
  const auto answer = ask(run.socket, run.options.request, [](const Json&) {});
  if (!answer) return run.fail(answer.error());
  Json shown = *answer;
  shown.erase("done");
  if (run.options.json) {
    run.print_json(shown);
  } else {
    print_stats(shown, run.out);
  }
  return kDone;
}

/// Shows what it is about and asks. 0: yes, and `request` is about these messages and none that
/// came later; else the exit status.
int confirm(Run& run, ControlRequest& request) {
  ControlRequest question = request;
  question.dry_run = true;
  std::uint64_t named = 0;
  const auto answer = ask(run.socket, question, [&](const Json& line) {
    if (line.contains("error")) return print_refusal(run, line);
    if (named++ == 0) run.out << list_heading() << "\n";
    if (named <= kNamed) run.out << list_line(line) << "\n";
  });
  if (!answer) return run.fail(answer.error());
  const std::uint64_t messages = number(*answer, "messages");
  if (messages == 0) {
    run.out << "no message in the queue matches\n";
    return kNothing;
  }
  if (messages > kNamed) run.out << "... and " << messages - kNamed << " more\n";
  run.out << fmt::format("{} {} ({})? [y/N] ",
                         run.name(),
                         counted(messages, "message"),
                         counted(number(*answer, "recipients"), "recipient"))
          << std::flush;
  std::string reply;
  std::getline(*run.options.answers, reply);
  if (reply != "y" && reply != "Y" && reply != "yes") {
    run.out << "nothing was changed\n";
    return kNothing;
  }
  if (request.ids.empty()) request.filter.up_to = answer->value("up_to", std::string());
  return kDone;
}

int change(Run& run) {
  ControlRequest request = run.options.request;
  const bool final =
      request.command == ControlCommand::remove || request.command == ControlCommand::bounce;
  if (final && !run.options.yes) {
    if (run.options.answers == nullptr) {
      run.err << "postern queue " << run.name()
              << ": this cannot be undone, and there is no terminal to ask on: write --yes, or "
                 "--dry-run to see what it would change\n";
      return kWrongUse;
    }
    const int status = confirm(run, request);
    if (status != kDone) return status;
  }
  const auto answer = ask(run.socket, request, [&](const Json& line) {
    print_refusal(run, line);
    if (run.options.json) return run.print_json(line);
    if (line.contains("error")) return;
    run.out << line.value("id", std::string()) << " " << line.value("result", std::string());
    if (number(line, "recipients") > 0) {
      run.out << ": " << counted(number(line, "recipients"), "recipient");
    }
    run.out << "\n";
  });
  if (!answer) return run.fail(answer.error());
  const std::uint64_t messages = number(*answer, "messages");
  const std::uint64_t refused = number(*answer, "refused");
  if (!run.options.json) {
    if (messages + refused == 0) run.out << "no message in the queue matches\n";
    if (messages > 0) {
      run.out << counted(messages, "message") << " " << past_of(request.command) << "\n";
    }
  }
  return messages > 0 && refused == 0 ? kDone : kNothing;
}

}  // namespace

int run_queue(const QueueOptions& options, std::ostream& out, std::ostream& err) {
  const gateway::Parsed<std::string> data_dir = gateway::data_dir_of(options.config);
  if (!data_dir) {
    err << "postern queue: " << data_dir.error().text << "\n";
    return kWrongUse;
  }
  Run run{options, gateway::control_path(*data_dir), out, err};
  switch (options.request.command) {
    case ControlCommand::list:
      return list(run, options.request);
    case ControlCommand::show:
      return show(run);
    case ControlCommand::stats:
      return stats(run);
    default:
      return options.request.dry_run ? list(run, options.request) : change(run);
  }
}

}  // namespace postern::tools
