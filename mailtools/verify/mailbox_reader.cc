// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/mailbox_reader.h"

#include "base/printable.h"
#include "mailtools/verify/folder_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <curl/curl.h>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace postern::verify {
namespace {

/// A report holds the whole letter at most, and those are small; more is not fetched.
constexpr std::size_t kMostFetched = 256U << 10;
constexpr std::size_t kMostAnswer = 4U << 20;
constexpr long kConnectMs = 10'000;
constexpr long kWholeMs = 30'000;
/// New letters that are looked into at one time; the rest has its turn at the next look.
constexpr std::size_t kMostNew = 200;

struct CurlDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, CurlDeleter>;

void init_libcurl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

/// libcurl's write function. Never throws.
std::size_t take_octets(const char* data, std::size_t, std::size_t count, void* to) {
  auto& out = *static_cast<std::string*>(to);
  if (out.size() + count > kMostAnswer) return 0;
  try {
    out.append(data, count);
  } catch (...) {
    return 0;
  }
  return count;
}

/// One letter of the run in a folder.
struct Seen {
  std::size_t folder = 0;
  std::uint32_t uid = 0;
  Arrival arrival;
};

std::string uid_list(const std::vector<std::uint32_t>& uids) {
  return fmt::format("{}", fmt::join(uids, ","));
}

}  // namespace

struct MailboxReader::State {
  const Mailbox& mailbox;
  std::string run;
  std::string gateway;
  CurlHandle curl;
  std::array<char, CURL_ERROR_SIZE> error{};
  /// Left alone libcurl takes the strongest that is offered: Exchange's GSSAPI, without a ticket.
  const char* login_options = "AUTH=PLAIN";
  bool denied = false;                ///< the last question ended at the login
  std::vector<std::uint32_t> newest;  ///< by folder: the last UID that needs no look
  std::vector<Seen> seen;

  State(const Mailbox& box, std::string the_run, std::string the_gateway)
      : mailbox(box),
        run(std::move(the_run)),
        gateway(std::move(the_gateway)),
        newest(box.folders.size()) {
    init_libcurl();
    curl.reset(curl_easy_init());
  }

  void prepare(std::string& answer) {
    CURL* c = curl.get();
    const Server& server = mailbox.server;
    curl_easy_reset(c);  // keeps the connection
    error.front() = '\0';
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error.data());  // SIGPIPE is libcurl's matter
    curl_easy_setopt(c, CURLOPT_LOGIN_OPTIONS, login_options);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "imap,imaps");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, kWholeMs);
    curl_easy_setopt(c, CURLOPT_USERNAME, mailbox.user.c_str());
    curl_easy_setopt(c, CURLOPT_PASSWORD, mailbox.password.c_str());
    const long use = server.tls == Security::starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE;
    curl_easy_setopt(c, CURLOPT_USE_SSL, use);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, server.verify ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, server.verify ? 2L : 0L);
    if (!server.ca.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, server.ca.c_str());
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &take_octets);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &answer);
  }

  /// "imaps://host:993/INBOX".
  std::string url(std::size_t folder) const {
    const Server& server = mailbox.server;
    const std::string name = imap_folder_name(mailbox.folders[folder]);
    char* escaped = curl_easy_escape(curl.get(), name.data(), static_cast<int>(name.size()));
    const std::string out = fmt::format("{}://{}/{}",
                                        server.tls == Security::implicit ? "imaps" : "imap",
                                        server.str(),
                                        escaped == nullptr ? "INBOX" : escaped);
    curl_free(escaped);
    return out;
  }

  std::optional<std::string> perform(const std::string& where) {
    curl_easy_setopt(curl.get(), CURLOPT_URL, where.c_str());
    const CURLcode code = curl_easy_perform(curl.get());
    denied = code == CURLE_LOGIN_DENIED;
    if (code == CURLE_OK) return std::nullopt;
    if (denied) {
      return fmt::format("{} refuses the login of {}", mailbox.server.str(), mailbox.user);
    }
    const char* words = error.front() == '\0' ? curl_easy_strerror(code) : error.data();
    return fmt::format("IMAP at {}: {}", mailbox.server.str(), printable(words));
  }

  /// A command in a folder; its untagged answers are added to `answer`.
  std::optional<std::string> ask(std::size_t folder,
                                 const std::string& command,
                                 std::string& answer) {
    if (!curl) return "libcurl gives no handle";
    prepare(answer);
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, command.c_str());
    return perform(url(folder));
  }

  std::optional<std::string> fetch(std::size_t folder, std::uint32_t uid, std::string& message) {
    prepare(message);
    return perform(fmt::format("{}/;UID={}/;PARTIAL=0.{}", url(folder), uid, kMostFetched));
  }

  std::optional<std::string> look_into(std::size_t folder);
};

/// Fetching a letter marks it as read; what is not of the run becomes unread again.
std::optional<std::string> MailboxReader::State::look_into(std::size_t folder) {
  std::string answer;
  const std::uint32_t after = newest[folder];
  // A search may go over what the session has seen so far; this makes the server look (RFC 9051
  // section 6.1.2).
  if (auto failed = ask(folder, "NOOP", answer)) return failed;
  if (auto failed = ask(folder, fmt::format("UID SEARCH UID {}:*", after + 1ULL), answer)) {
    return failed;
  }
  std::vector<std::uint32_t> others;
  std::size_t looked = 0;
  for (const std::uint32_t uid : parse_search(answer)) {
    if (uid <= after || looked++ == kMostNew) continue;  // "*" is the last one, however old
    std::string message;
    if (auto failed = fetch(folder, uid, message)) return failed;
    if (auto arrival = examine(message, run, gateway)) {
      seen.push_back({folder, uid, std::move(*arrival)});
    } else {
      others.push_back(uid);
    }
    newest[folder] = std::max(newest[folder], uid);
  }
  if (others.empty()) return std::nullopt;
  return ask(folder, fmt::format("UID STORE {} -FLAGS.SILENT (\\Seen)", uid_list(others)), answer);
}

MailboxReader::MailboxReader(const Mailbox& mailbox, std::string run, std::string gateway)
    : state_(std::make_unique<State>(mailbox, std::move(run), std::move(gateway))) {}
MailboxReader::~MailboxReader() = default;
MailboxReader::MailboxReader(MailboxReader&&) noexcept = default;

const Mailbox& MailboxReader::mailbox() const {
  return state_->mailbox;
}

std::optional<std::string> MailboxReader::open() {
  for (std::size_t folder = 0; folder < state_->mailbox.folders.size(); ++folder) {
    std::string answer;
    auto failed = state_->ask(folder, "UID SEARCH UID *", answer);
    if (failed && state_->denied && folder == 0) {
      state_->login_options = nullptr;  // a server without AUTH=PLAIN: whatever there is
      failed = state_->ask(folder, "UID SEARCH UID *", answer);
    }
    if (failed) return failed;
    for (const std::uint32_t uid : parse_search(answer))
      state_->newest[folder] = std::max(state_->newest[folder], uid);
  }
  return std::nullopt;
}

std::optional<std::string> MailboxReader::look() {
  for (std::size_t folder = 0; folder < state_->mailbox.folders.size(); ++folder) {
    if (auto failed = state_->look_into(folder)) return failed;
  }
  return std::nullopt;
}

std::vector<Arrival> MailboxReader::arrivals() const {
  std::vector<Arrival> out;
  for (const Seen& one : state_->seen)
    out.push_back(one.arrival);
  return out;
}

std::optional<std::string> MailboxReader::remove() {
  std::map<std::size_t, std::vector<std::uint32_t>> by_folder;
  for (const Seen& one : state_->seen)
    by_folder[one.folder].push_back(one.uid);
  for (const auto& [folder, uids] : by_folder) {
    std::string answer;
    const std::string list = uid_list(uids);
    if (auto failed = state_->ask(
            folder, fmt::format("UID STORE {} +FLAGS.SILENT (\\Deleted)", list), answer)) {
      return failed;
    }
    if (auto failed = state_->ask(folder, fmt::format("UID EXPUNGE {}", list), answer))
      return failed;
  }
  return std::nullopt;
}

}  // namespace postern::verify
