// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_commands.h"

#include "gateway/worker.h"

#include <boost/asio/post.hpp>

#include <future>
#include <utility>

namespace postern::gateway {

void ControlCommands::run(const ControlRequest& request) {
  switch (request.command) {
    case ControlCommand::list:
      return list(request.filter);
    case ControlCommand::show:
      return show(request.ids.front(), request.body);
    case ControlCommand::stats:
      return stats();
    case ControlCommand::hops:
      return hops(request.filter.hop);
    case ControlCommand::metrics:
      return metrics();
    case ControlCommand::reload:
      return reload(request);
    case ControlCommand::tls_report:
      return tls_report(request);
    case ControlCommand::hold:
    case ControlCommand::release:
    case ControlCommand::retry:
    case ControlCommand::remove:
    case ControlCommand::bounce:
      return request.dry_run ? preview(request) : change(request);
  }
}

Result<spool::MessagePtr> ControlCommands::load(spool::MessageId id) {
  const auto promise = std::make_shared<std::promise<Result<spool::MessagePtr>>>();
  auto loaded = promise->get_future();
  target_.spool->load(
      id, [promise](Result<spool::MessagePtr> message) { promise->set_value(std::move(message)); });
  return loaded.get();
}

void ControlCommands::on_workers(const std::function<void(queue::Engine&)>& call) {
  for (Worker* worker : target_.workers) {
    const auto promise = std::make_shared<std::promise<void>>();
    boost::asio::post(worker->context(), [promise, worker, &call] {
      call(worker->engine());
      promise->set_value();
    });
    promise->get_future().get();
  }
}

queue::Engine& ControlCommands::next_engine() {
  return target_.workers[next_++ % target_.workers.size()]->engine();
}

}  // namespace postern::gateway
