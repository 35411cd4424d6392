// SPDX-License-Identifier: Apache-2.0
#include "mta_sts/https_client.h"

#include "base/endpoint_text.h"
#include "base/waiter.h"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <curl/curl.h>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace postern::mta_sts {
namespace {

using Failure = HttpsAnswer::Failure;
using AnswerSlot = Waiter<HttpsAnswer>::SlotPtr;

/// Beside the question's own limits: for the thread to notice.
constexpr std::chrono::seconds kMargin{5};

/// libcurl's own set-up, once and before any thread uses it.
void set_up_curl() {
  static const CURLcode done = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(done);
}

/// A server that goes away while something is written must not end the process; with NOSIGNAL
/// libcurl leaves this to its caller. For the calling thread.
void ignore_broken_pipes() {
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
}

struct FreeHandle {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

List list_of(const std::string& line) {
  return List(::curl_slist_append(nullptr, line.c_str()));
}

/// "host:443:192.0.2.1,[2001:db8::1]": what libcurl takes for an answer of DNS.
std::string resolution(const HttpsRequest& request) {
  std::string out = fmt::format("{}:{}:", request.host, request.port);
  for (const IpAddress& address : request.addresses) {
    if (out.back() != ':') out += ',';
    out += bracketed(address.to_string());
  }
  return out;
}

/// A response while it comes in.
struct Receiving {
  std::string body;
  std::size_t most = 0;
  bool too_long = false;
  const std::atomic<bool>* stopping = nullptr;
};

std::size_t on_data(char* data, std::size_t size, std::size_t count, void* into) {
  auto& receiving = *static_cast<Receiving*>(into);
  const std::size_t octets = size * count;
  if (octets > receiving.most - receiving.body.size()) {
    receiving.too_long = true;
    return 0;
  }
  receiving.body.append(data, octets);
  return octets;
}

int on_progress(void* of, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const Receiving*>(of)->stopping->load(std::memory_order_relaxed) ? 1 : 0;
}

/// Whom it talks to, and how: nothing of the environment's proxies, no redirect.
void set_up_peer(CURL* curl, const HttpsRequest& request, const std::string& ca) {
  const std::string url = fmt::format("https://{}:{}{}", request.host, request.port, request.path);
  ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
  ::curl_easy_setopt(curl, CURLOPT_PROXY, "");
  ::curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  ::curl_easy_setopt(curl, CURLOPT_USERAGENT, "postern/" POSTERN_VERSION);
  if (ca.empty()) return;
  ::curl_easy_setopt(curl, CURLOPT_CAINFO, ca.c_str());
  ::curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
}

void set_up_receiving(CURL* curl, Receiving& receiving) {
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_data);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiving);
  ::curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &receiving);
}

Failure failure_of(CURLcode code, const Receiving& receiving) {
  if (code == CURLE_OK) return Failure::none;
  if (receiving.too_long) return Failure::too_long;
  const bool untrusted = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR;
  return untrusted ? Failure::untrusted : Failure::unreachable;
}

}  // namespace

struct HttpsClient::State {
  struct Question {
    HttpsRequest request;
    AnswerSlot answer;
    net::TimePoint until;  ///< its turn must come before
  };

  explicit State(Options how) : options(std::move(how)) {}

  static bool take(const std::shared_ptr<State>& state, Question question);
  static void run(const std::shared_ptr<State>& state);
  HttpsAnswer perform(const HttpsRequest& request) const;

  const Options options;
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Question> queue;
  std::vector<std::thread> threads;
  std::size_t idle = 0;
};

HttpsClient::HttpsClient(Options options) : state_(std::make_shared<State>(std::move(options))) {
  set_up_curl();
}

HttpsClient::~HttpsClient() {
  std::vector<std::thread> threads;
  std::deque<State::Question> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    threads.swap(state_->threads);
    dropped.swap(state_->queue);
  }
  state_->wake.notify_all();
  for (std::thread& thread : threads)
    thread.join();
  for (const State::Question& question : dropped)
    Waiter<HttpsAnswer>::give(question.answer, {Failure::refused, 0, {}, {}, "it is the end"});
}

net::Awaitable<HttpsAnswer> HttpsClient::ask(HttpsRequest request) {
  const std::shared_ptr<State> state = state_;
  const net::Executor executor = co_await net::asio::this_coro::executor;
  Waiter<HttpsAnswer> waiter(executor);
  const Options& options = state->options;
  State::Question question{std::move(request), waiter.slot(), net::Clock::now() + options.turn};
  if (!State::take(state, std::move(question)))
    co_return HttpsAnswer{Failure::refused, 0, {}, {}, "too many questions wait already"};
  const std::optional<HttpsAnswer> answer =
      co_await waiter.wait(options.turn + options.limit + kMargin);
  if (answer) co_return *answer;
  co_return HttpsAnswer{Failure::unreachable, 0, {}, {}, "there was no answer in time"};
}

/// False: there is no room. A thread is started when none is idle.
bool HttpsClient::State::take(const std::shared_ptr<State>& state, Question question) {
  const std::lock_guard lock(state->mutex);
  if (state->stopping || state->queue.size() >= state->options.waiting) return false;
  state->queue.push_back(std::move(question));
  const bool wanted = state->idle < state->queue.size();
  if (wanted && state->threads.size() < state->options.threads)
    state->threads.emplace_back([state] { run(state); });
  state->wake.notify_one();
  return true;
}

void HttpsClient::State::run(const std::shared_ptr<State>& state) {
  ignore_broken_pipes();
  for (;;) {
    Question question;
    {
      std::unique_lock lock(state->mutex);
      ++state->idle;
      state->wake.wait(lock, [&state] { return state->stopping || !state->queue.empty(); });
      --state->idle;
      if (state->stopping) return;
      question = std::move(state->queue.front());
      state->queue.pop_front();
    }
    HttpsAnswer answer;
    if (net::Clock::now() < question.until) {
      answer = state->perform(question.request);
    } else {
      answer = {Failure::unreachable, 0, {}, {}, "its turn did not come in time"};
    }
    Waiter<HttpsAnswer>::give(question.answer, std::move(answer));
  }
}

HttpsAnswer HttpsClient::State::perform(const HttpsRequest& request) const {
  const Handle handle(::curl_easy_init());
  if (!handle) return {Failure::unreachable, 0, {}, {}, "libcurl has no memory"};
  CURL* const curl = handle.get();
  const List resolve = list_of(resolution(request));
  const List headers = list_of("Content-Type: " + request.content_type);
  Receiving receiving{{}, options.octets, false, &stopping};
  std::array<char, CURL_ERROR_SIZE> error{};
  set_up_peer(curl, request, options.ca);
  set_up_receiving(curl, receiving);
  ::curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve.get());
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options.limit.count()));
  ::curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect.count()));
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error.data());
  if (!request.body.empty()) {
    const auto octets = static_cast<curl_off_t>(request.body.size());
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, octets);
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  }
  const CURLcode code = ::curl_easy_perform(curl);
  HttpsAnswer answer;
  answer.failure = failure_of(code, receiving);
  if (answer.failure != Failure::none) {
    answer.detail = error.front() != '\0' ? error.data() : ::curl_easy_strerror(code);
    return answer;
  }
  long status = 0;
  const char* type = nullptr;
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  ::curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
  answer.status = static_cast<int>(status);
  if (type != nullptr) answer.content_type = type;
  answer.body = std::move(receiving.body);
  return answer;
}

}  // namespace postern::mta_sts
