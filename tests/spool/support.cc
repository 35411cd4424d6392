// SPDX-License-Identifier: Apache-2.0
#include "support.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace postern::spool::test {

namespace fs = std::filesystem;

TempDir::TempDir() {
  std::string name = (fs::temp_directory_path() / "postern_spool_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempDir::path(std::string_view name) const {
  return name.empty() ? path_.string() : (path_ / name).string();
}

Envelope envelope_for(std::size_t recipients) {
  Envelope envelope;
  envelope.sender.path = smtp::ReversePath(smtp::Mailbox("sender", "corp.example"));
  envelope.received = WallTime(std::chrono::seconds(1'700'000'000));
  for (std::size_t i = 0; i < recipients; ++i) {
    Recipient recipient;
    recipient.address.address = smtp::Mailbox(fmt::format("user{}", i), "company.example");
    recipient.lane = "v";
    envelope.recipients.push_back(std::move(recipient));
  }
  return envelope;
}

Envelope full_envelope() {
  Envelope e = envelope_for(2);
  e.sender.parameters = {1234,
                         smtp::Body::binary_mime,
                         smtp::Ret::headers,
                         true,
                         true,
                         "env+20id",
                         "auth@corp.example"};
  Recipient& r = e.recipients[1];
  r.address.address = smtp::Mailbox("\"quoted @ local\"", "Company.Example");
  r.address.parameters = {
      {false, true, true, true},
      "rfc822;user@company.example"
  };
  r.fate = Fate::failed;
  r.warned = true;
  r.attempts = 7;
  r.due = WallTime(std::chrono::microseconds(-5));
  r.lane = "mx:company.example";
  r.last_host = "10.0.0.5:25";
  r.last_reply = smtp::Reply(550, {5, 1, 1}, Text(std::string("no such user\nreally")));
  r.past = {
      {WallTime(std::chrono::microseconds(11)), "10.0.0.6:25", "451 4.3.0 not now"},
      {WallTime(std::chrono::microseconds(12)), "",            "451 4.4.1 nobody" }
  };
  e.origin.client = *parse_ip("2001:db8::7");
  e.origin.helo = "mail.corp.example";
  e.origin.listener = "mx";
  e.origin.role = 1;
  e.origin.listener_from = "exchange";
  e.origin.identity = "i.ivanov";
  e.origin.tls = true;
  e.loop = {
      3, {"id=g; box=00; pass=1; mac=11", ""}
  };
  e.octets = ~0ULL;
  e.header_octets = 77;
  e.config = 0xfeedULL;
  e.held = true;
  return e;
}

Options options_in(const std::string& data_dir) {
  Options options;
  options.data_dir = data_dir;
  options.reserve_octets = 0;
  options.space_interval = std::chrono::milliseconds(0);
  options.free_octets = [] { return std::uint64_t{1} << 40U; };
  options.memtable_octets = 8ULL << 20;
  options.slack_octets = 1ULL << 20;
  options.committer.settle_delay = std::chrono::milliseconds(1);
  options.committer.unlink_delay = std::chrono::milliseconds(1);
  return options;
}

namespace {

net::Awaitable<std::error_code> append_all(Draft& draft, std::string_view body, std::size_t piece) {
  for (std::size_t at = 0; at < body.size(); at += piece) {
    const std::error_code error = co_await draft.append(body.substr(at, piece));
    if (error) co_return error;
  }
  co_return std::error_code();
}

net::Awaitable<Result<std::string>> read_all(BodyReader reader) {
  std::string whole;
  for (;;) {
    const Result<Chunk> piece = co_await reader.next();
    if (!piece) co_return piece.error();
    if (*piece == nullptr) co_return whole;
    whole += **piece;
  }
}

Committed failed(std::error_code error) {
  std::promise<std::error_code> promise;
  promise.set_value(error);
  return {nullptr, promise.get_future()};
}

}  // namespace

Committed commit(Spool& spool,
                 std::string_view body,
                 Envelope envelope,
                 std::chrono::microseconds grace,
                 std::size_t piece) {
  auto draft = spool.begin();
  if (!draft) return failed(draft.error());
  const std::error_code error = run(append_all(*draft, body, piece));
  if (error) return failed(error);
  std::promise<std::error_code> promise;
  Committed committed;
  committed.done = promise.get_future();
  committed.message = spool.commit(
      *std::move(draft),
      std::move(envelope),
      [promise = std::move(promise)](std::error_code outcome) mutable {
        promise.set_value(outcome);
      },
      grace);
  return committed;
}

MessageId store(Spool& spool, std::string_view body, Envelope envelope) {
  Committed committed = commit(spool, body, std::move(envelope));
  return committed.done.get() ? MessageId() : committed.message->id();
}

Result<MessagePtr> load(Spool& spool, MessageId id) {
  return run(spool.load(id));
}

Result<std::string> body_of(Spool& spool, const MessagePtr& message) {
  return run(read_all(spool.read(message)));
}

Result<std::string> body_of(Spool& spool, MessageId id) {
  const auto message = load(spool, id);
  if (!message) return message.error();
  return body_of(spool, *message);
}

void settle_all(const MessagePtr& message, Fate fate) {
  auto lease = message->lease_pending();
  if (!lease) return;
  const std::vector<std::uint32_t> indices = lease->indices();
  for (const std::uint32_t index : indices)
    lease->settle(index, fate, {});
}

std::vector<MessageId> ids_of(Spool& spool, Spool::Which which) {
  std::vector<MessageId> ids;
  spool.scan(which, [&ids](MessageId id, const Envelope&) { ids.push_back(id); });
  return ids;
}

std::string patterned(std::size_t octets, std::uint64_t seed) {
  std::string body(octets, '\0');
  std::uint64_t state = seed * 2 + 1;
  for (char& c : body) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(state >> 56U);
  }
  return body;
}

void flush(Spool& spool) {
  Committed other = commit(spool, "flush");
  other.done.get();
  settle_all(other.message);
  const MessageId id = other.message->id();
  other.message.reset();
  // Its removal is behind all changes that were made before.
  for (;;) {
    const std::vector<MessageId> ids = ids_of(spool);
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) return;
    std::this_thread::yield();
  }
}

// ---- GatedStore ----

void GatedStore::close_gate() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
}

void GatedStore::open_gate() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = false;
  }
  changed_.notify_all();
}

void GatedStore::await_write() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return standing_; });
}

void GatedStore::script(std::vector<WriteOutcome> outcomes) {
  const std::scoped_lock lock(mutex_);
  script_ = std::move(outcomes);
}

void GatedStore::script_resume(WriteOutcome outcome) {
  const std::scoped_lock lock(mutex_);
  resumed_ = outcome;
}

std::size_t GatedStore::writes() const {
  const std::scoped_lock lock(mutex_);
  return writes_;
}

std::size_t GatedStore::syncs() const {
  const std::scoped_lock lock(mutex_);
  return syncs_;
}

void GatedStore::reclaim(std::uint64_t, bool) {
  std::unique_lock lock(mutex_);
  ++reclaims_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !reclaims_held_; });
}

void GatedStore::hold_reclaims(bool yes) {
  const std::scoped_lock lock(mutex_);
  reclaims_held_ = yes;
  changed_.notify_all();
}

void GatedStore::await_reclaims(std::size_t begun) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this, begun] { return reclaims_ >= begun; });
}

WriteOutcome GatedStore::resume() {
  const std::scoped_lock lock(mutex_);
  return resumed_;
}

WriteOutcome GatedStore::write(bool durable) {
  std::unique_lock lock(mutex_);
  standing_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !closed_; });
  standing_ = false;
  ++writes_;
  if (durable) ++syncs_;
  if (!script_.empty()) {
    const WriteOutcome outcome = script_.front();
    script_.erase(script_.begin());
    if (outcome != WriteOutcome::ok) {
      map_->drop_group();
      return outcome;
    }
  }
  return map_->write(durable);
}

}  // namespace postern::spool::test
