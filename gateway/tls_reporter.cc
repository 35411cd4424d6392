// SPDX-License-Identifier: Apache-2.0
#include "gateway/tls_reporter.h"

#include "base/waiter.h"
#include "dns/name.h"
#include "tls_report/ledger.h"
#include "tls_report/record.h"
#include "tls_report/report.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <future>
#include <random>
#include <thread>
#include <utility>

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using tls_report::Day;
using tls_report::Destination;

constexpr std::chrono::seconds kQueueTime{60};  ///< for the queue to take a letter
/// Reports that could not be sent are given up when their day has ended so long ago.
constexpr std::chrono::days kGiveUp{2};
/// Between two tries.
constexpr std::chrono::hours kRetry{1};
/// Between two looks of who waits: is it the end, is it another's turn?
constexpr std::chrono::milliseconds kTurnLook{50};

/// Reports are sent by one at a time, or what one has sent another would send again.
class SendingTurn {
 public:
  explicit SendingTurn(bool& taken) : taken_(taken) { taken_ = true; }
  ~SendingTurn() { taken_ = false; }
  SendingTurn(SendingTurn&&) = delete;

 private:
  bool& taken_;
};

std::string_view policy_type(queue::TlsOutcome::Policy policy) {
  switch (policy) {
    case queue::TlsOutcome::Policy::tlsa:
      return "tlsa";
    case queue::TlsOutcome::Policy::sts:
      return "sts";
    case queue::TlsOutcome::Policy::none_found:
      break;
  }
  return "no-policy-found";
}

tls_report::Sighting sighting_of(const queue::TlsOutcome& outcome) {
  tls_report::Sighting out;
  out.domain = dns::query_name(outcome.domain).value_or(std::string());
  out.policy_type = policy_type(outcome.policy);
  out.policy = outcome.source;
  out.mx_patterns = outcome.mx_patterns;
  out.result = tls::failure_name(outcome.failure);
  out.mx_host = outcome.mx_host;
  if (!outcome.endpoint.address().is_unspecified())
    out.receiving_ip = outcome.endpoint.address().to_string();
  out.detail = outcome.detail;
  return out;
}

void report_end(const std::exception_ptr& error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    spdlog::error("TLS reports: ended by an exception: {}", e.what());
  }
}

}  // namespace

struct TlsReporter::Core {
  enum class Fate : std::uint8_t { sent, unwanted, failed };

  explicit Core(Options how);
  ~Core();
  Core(Core&&) = delete;

  void stop();
  sys_days today() const { return std::chrono::floor<std::chrono::days>(options.now()); }
  tls_report::Facts facts_for(sys_days day, const std::string& domain) const;
  std::string new_id(sys_days day);
  net::Awaitable<void> look_again_and_again();
  net::Awaitable<void> save_again_and_again();
  net::Awaitable<void> send_what_is_due();
  net::Awaitable<Sent> send_in_turn(sys_days day);
  net::Awaitable<Sent> send_day(sys_days day);
  net::Awaitable<Fate> send_domain(sys_days day, std::string domain);
  net::Awaitable<bool> hand_over(Destination to, tls_report::Facts facts, std::string packed);
  net::Awaitable<bool> deliver(Destination to, tls_report::Facts facts, std::string packed);
  net::Awaitable<bool> mail(std::string to, std::string octets);
  net::Awaitable<bool> post(Destination to, std::string packed);

  const Options options;
  tls_report::Ledger ledger;
  std::mt19937_64 random;  ///< the thread's that runs
  WallTime next_try{};     ///< the same thread's
  bool sending = false;    ///< one day at a time; the same thread's
  std::atomic<bool> stopped{false};
  // As in gateway/worker.h: what has sockets on the loop goes before it; coroutines under way go
  // with it, and touch nothing of this in their end but `sending`.
  net::IoContext context{1};
  net::asio::executor_work_guard<net::Executor> work;
  std::unique_ptr<dns::Resolver> resolver;
  mta_sts::HttpsClient https;
  net::Timer timer;
  net::Timer save_timer;
  std::thread thread;
};

TlsReporter::Core::Core(Options how)
    : options(std::move(how)),
      ledger(options.folder),
      random(std::random_device()()),
      work(context.get_executor()),
      resolver(options.resolver(context.get_executor())),
      https(options.https),
      timer(context.get_executor()),
      save_timer(context.get_executor()) {
  net::asio::co_spawn(context, look_again_and_again(), report_end);
  net::asio::co_spawn(context, save_again_and_again(), report_end);
  thread = std::thread([this] { context.run(); });
}

TlsReporter::Core::~Core() {
  stop();
  ledger.save();
}

void TlsReporter::Core::stop() {
  stopped = true;
  work.reset();
  context.stop();
  if (thread.joinable()) thread.join();
}

tls_report::Facts TlsReporter::Core::facts_for(sys_days day, const std::string& domain) const {
  const TlsReportConfig config = options.config();
  tls_report::Facts facts;
  facts.organization = config.organization;
  facts.contact = config.contact;
  facts.from = config.from;
  facts.submitter = options.hostname;
  facts.domain = domain;
  facts.day = day;
  facts.now = options.now();
  return facts;
}

std::string TlsReporter::Core::new_id(sys_days day) {
  return fmt::format("{}.{:016x}", tls_report::day_name(day), random());
}

net::Awaitable<void> TlsReporter::Core::look_again_and_again() {
  for (;;) {
    timer.expires_after(options.look);
    co_await timer.async_wait(net::as_result);
    co_await send_what_is_due();
  }
}

/// Beside what is sent: the reports of many domains take their time.
net::Awaitable<void> TlsReporter::Core::save_again_and_again() {
  for (;;) {
    save_timer.expires_after(options.look);
    co_await save_timer.async_wait(net::as_result);
    if (!ledger.save()) spdlog::warn("TLS reports: counts cannot be written to {}", options.folder);
  }
}

/// The days that are over.
net::Awaitable<void> TlsReporter::Core::send_what_is_due() {
  const WallTime now = options.now();
  if (sending || now < next_try) co_return;
  ledger.forget_before(today() - kGiveUp);
  const std::vector<sys_days> days = ledger.days();
  for (const sys_days day : days) {
    if (now < day + std::chrono::days(1) + options.delay) continue;
    const Sent sent = co_await send_in_turn(day);
    if (sent.failed != 0) next_try = now + kRetry;
  }
}

net::Awaitable<TlsReporter::Sent> TlsReporter::Core::send_in_turn(sys_days day) {
  net::Timer pause(context.get_executor());
  while (sending) {
    pause.expires_after(kTurnLook);
    co_await pause.async_wait(net::as_result);
  }
  const Sent sent = co_await send_day(day);
  co_return sent;
}

net::Awaitable<TlsReporter::Sent> TlsReporter::Core::send_day(sys_days day) {
  Sent sent;
  if (options.config().from.empty()) co_return sent;
  const SendingTurn turn(sending);
  const std::vector<std::string> domains = ledger.domains(day);
  for (const std::string& domain : domains) {
    const Fate fate = co_await send_domain(day, domain);
    sent.reports += fate == Fate::sent ? 1 : 0;
    sent.unwanted += fate == Fate::unwanted ? 1 : 0;
    sent.failed += fate == Fate::failed ? 1 : 0;
  }
  ledger.save();
  co_return sent;
}

net::Awaitable<TlsReporter::Core::Fate> TlsReporter::Core::send_domain(sys_days day,
                                                                       std::string domain) {
  const dns::TextAnswer record = co_await resolver->txt("_smtp._tls." + domain);
  if (dns::is_transient(record.status)) {
    spdlog::warn("TLS report for {}: DNS: {}", domain, dns::status_text(record.status));
    co_return Fate::failed;
  }
  const std::vector<Destination> destinations = tls_report::destinations_of(record.texts);
  Day::Policies policies = ledger.take(day, domain);
  if (destinations.empty() || policies.empty()) {
    ledger.done(day, domain);
    co_return Fate::unwanted;
  }
  tls_report::Facts facts = facts_for(day, domain);
  facts.id = new_id(day);
  const std::string packed = tls_report::gzip(tls_report::report_json(facts, policies));
  bool taken = false;
  for (const Destination& to : destinations) {
    const bool good = co_await hand_over(to, facts, packed);
    taken = taken || good;
  }
  // RFC 8460 section 5.5 leaves it to the sender to try again; what one has, the other may lack.
  if (taken) {
    ledger.done(day, domain);
  } else {
    ledger.put_back(day, domain, std::move(policies));
  }
  co_return taken ? Fate::sent : Fate::failed;
}

net::Awaitable<bool> TlsReporter::Core::hand_over(Destination to,
                                                  tls_report::Facts facts,
                                                  std::string packed) {
  const bool by_mail = to.kind == Destination::Kind::mail;
  const std::string where = by_mail ? to.address : "https://" + to.host + to.path;
  const bool taken = co_await deliver(std::move(to), facts, std::move(packed));
  if (taken) {
    spdlog::info("TLS report {} for {} to {}", facts.id, facts.domain, where);
  } else {
    spdlog::warn("TLS report {} for {} was not taken by {}", facts.id, facts.domain, where);
  }
  co_return taken;
}

net::Awaitable<bool> TlsReporter::Core::deliver(Destination to,
                                                tls_report::Facts facts,
                                                std::string packed) {
  if (to.kind == Destination::Kind::https) {
    co_return co_await post(std::move(to), std::move(packed));
  }
  std::string letter = tls_report::report_letter(facts, to.address, packed);
  co_return co_await mail(std::move(to.address), std::move(letter));
}

net::Awaitable<bool> TlsReporter::Core::mail(std::string to, std::string octets) {
  Waiter<bool> waiter(context.get_executor());
  options.send(Letter{std::move(to), std::move(octets)},
               [slot = waiter.slot()](bool safe) { Waiter<bool>::give(slot, safe); });
  const std::optional<bool> safe = co_await waiter.wait(kQueueTime);
  co_return safe.value_or(false);
}

net::Awaitable<bool> TlsReporter::Core::post(Destination to, std::string packed) {
  const dns::AddressAnswer addresses = co_await resolver->addresses(to.host);
  if (addresses.addresses.empty()) co_return false;
  mta_sts::HttpsRequest request;
  request.host = to.host;
  request.port = to.port;
  request.path = to.path;
  request.addresses = addresses.addresses;
  request.body = std::move(packed);
  request.content_type = "application/tlsrpt+gzip";
  const mta_sts::HttpsAnswer answer = co_await https.ask(std::move(request));
  co_return answer.failure == mta_sts::HttpsAnswer::Failure::none&& answer.status / 100 == 2;
}

TlsReporter::TlsReporter(Options options) : core_(std::make_unique<Core>(std::move(options))) {}

TlsReporter::~TlsReporter() = default;

void TlsReporter::seen(const queue::TlsOutcome& outcome) {
  if (core_->options.config().from.empty()) return;
  const tls_report::Sighting sighting = sighting_of(outcome);
  if (!sighting.domain.empty()) core_->ledger.count(core_->today(), sighting);
}

std::vector<std::string> TlsReporter::preview(sys_days day) const {
  std::vector<std::string> out;
  const Day counted = core_->ledger.day(day);
  for (const auto& [domain, policies] : counted.domains())
    out.push_back(tls_report::report_json(core_->facts_for(day, domain), policies));
  return out;
}

TlsReporter::Sent TlsReporter::send_now(sys_days day) {
  const auto promise = std::make_shared<std::promise<Sent>>();
  std::future<Sent> sent = promise->get_future();
  net::asio::post(core_->context, [core = core_.get(), day, promise] {
    net::asio::co_spawn(core->context,
                        core->send_in_turn(day),
                        [promise](const std::exception_ptr& error, const Sent& result) {
                          report_end(error);
                          promise->set_value(result);
                        });
  });
  // Behind stop() nobody keeps the promise.
  while (sent.wait_for(kTurnLook) != std::future_status::ready) {
    if (core_->stopped) return Sent{0, 0, 0, true};
  }
  return sent.get();
}

bool TlsReporter::is_on() const {
  return !core_->options.config().from.empty();
}

sys_days TlsReporter::today() const {
  return core_->today();
}

void TlsReporter::stop() {
  core_->stop();
}

}  // namespace postern::gateway
