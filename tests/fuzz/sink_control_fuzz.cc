// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint_text.h"
#include "mailtools/sink/control_request.h"
#include "mailtools/sink/listen.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace postern::sink;

void require(bool holds) {
  if (!holds) std::abort();
}

/// A fault that was read can be written into the table, and asked about everywhere.
void use(const Fault& fault) {
  require(!fault.text.empty() && fault.percent > 0 && fault.percent <= 100);
  require((fault.kind == Fault::Kind::fail) == (fault.reply.code() >= 400));
  FaultTable table(1);
  require(table.add(fault) == 1);
  const std::string_view to[] = {"bob@y.ru"};
  for (int stage = 0; stage <= static_cast<int>(Stage::quit); ++stage) {
    const Occasion occasion{static_cast<Stage>(stage),
                            boost::asio::ip::make_address("10.0.0.1"),
                            std::string_view("ann@x.ru"),
                            to};
    const Strike strike = table.strike(occasion);
    require(!strike.reply || strike.reply->code() >= 400);
  }
  // The same words are the same fault.
  const std::string_view text = fault.text;
  const std::size_t space = text.find(' ');
  const std::string_view spec = space == std::string_view::npos ? "" : text.substr(space + 1);
  const auto again = parse_fault(text.substr(0, space), spec);
  require(again && again->text == fault.text && again->stage == fault.stage);
}

}  // namespace

/// Any line is a request, or a mistake that says something; what listens can be written and read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto request = parse_control(line);
  if (!request) {
    require(!request.error().text.empty());
  } else if (request->kind == ControlRequest::Kind::add) {
    use(request->fault);
  } else if (request->kind == ControlRequest::Kind::wait) {
    require(request->span.count() >= 0 && request->span <= std::chrono::hours(1));
  }
  const std::size_t half = size / 2;
  matches(line.substr(0, half), line.substr(half));
  const auto where = parse_listen(line);
  if (where) {
    const auto again = parse_listen(postern::endpoint_text(*where));
    require(again && *again == *where);
  } else {
    require(!where.error().text.empty());
  }
  return 0;
}
