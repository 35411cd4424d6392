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
constexpr std::size_t kMostOtherFolders = 40;

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

/// A letter in a folder; names of folders as IMAP has them.
struct Place {
  std::string folder;
  std::uint32_t uid = 0;
};

struct Seen {
  Place place;
  Arrival arrival;
};

/// A folder that is looked into, and the last UID that needs no look.
struct Folder {
  std::string name;
  std::uint32_t newest = 0;
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
  bool denied = false;  ///< the last question ended at the login
  std::vector<Folder> folders;
  std::vector<Seen> seen;
  std::vector<Place> astray;  ///< letters of the run in other folders

  State(const Mailbox& box, std::string the_run, std::string the_gateway)
      : mailbox(box), run(std::move(the_run)), gateway(std::move(the_gateway)) {
    for (const std::string& name : box.folders)
      folders.push_back({imap_folder_name(name)});
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

  /// "imaps://host:993/INBOX"; an empty folder: none is selected.
  std::string url(const std::string& name) const {
    const Server& server = mailbox.server;
    char* escaped = curl_easy_escape(curl.get(), name.data(), static_cast<int>(name.size()));
    const std::string out = fmt::format("{}://{}/{}",
                                        server.tls == Security::implicit ? "imaps" : "imap",
                                        server.str(),
                                        escaped == nullptr ? "" : escaped);
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
  std::optional<std::string> ask(const std::string& folder,
                                 const std::string& command,
                                 std::string& answer) {
    if (!curl) return "libcurl gives no handle";
    prepare(answer);
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, command.c_str());
    return perform(url(folder));
  }

  std::optional<std::string> fetch(const std::string& folder,
                                   std::uint32_t uid,
                                   std::string& message) {
    prepare(message);
    return perform(fmt::format("{}/;UID={}/;PARTIAL=0.{}", url(folder), uid, kMostFetched));
  }

  std::optional<std::string> look_into(Folder& folder);
  std::vector<std::string> other_folders();
};

/// Fetching a letter marks it as read; what is not of the run becomes unread again.
std::optional<std::string> MailboxReader::State::look_into(Folder& folder) {
  std::string answer;
  const std::uint32_t after = folder.newest;
  // A search may go over what the session has seen so far; this makes the server look (RFC 9051
  // section 6.1.2).
  if (auto failed = ask(folder.name, "NOOP", answer)) return failed;
  if (auto failed = ask(folder.name, fmt::format("UID SEARCH UID {}:*", after + 1ULL), answer)) {
    return failed;
  }
  std::vector<std::uint32_t> others;
  std::vector<std::uint32_t> uids = parse_search(answer);
  std::sort(uids.begin(), uids.end());
  std::size_t looked = 0;
  std::optional<std::string> failure;
  for (const std::uint32_t uid : uids) {
    if (uid <= after) continue;  // "*" is the last one, however old
    if (++looked > kMostNew) break;
    std::string message;
    failure = fetch(folder.name, uid, message);
    if (failure) break;
    if (auto arrival = examine(message, run, gateway)) {
      seen.push_back({
          {folder.name, uid},
          std::move(*arrival)
      });
    } else {
      others.push_back(uid);
    }
    folder.newest = uid;
  }
  if (others.empty()) return failure;
  auto unmarked = ask(
      folder.name, fmt::format("UID STORE {} -FLAGS.SILENT (\\Seen)", uid_list(others)), answer);
  return failure ? failure : unmarked;
}

MailboxReader::MailboxReader(const Mailbox& mailbox, std::string run, std::string gateway)
    : state_(std::make_unique<State>(mailbox, std::move(run), std::move(gateway))) {}
MailboxReader::~MailboxReader() = default;
MailboxReader::MailboxReader(MailboxReader&&) noexcept = default;

const Mailbox& MailboxReader::mailbox() const {
  return state_->mailbox;
}

/// Every folder that is not looked into anyway; none when they cannot be listed.
std::vector<std::string> MailboxReader::State::other_folders() {
  std::string answer;
  if (ask("", "LIST \"\" \"*\"", answer)) return {};
  std::vector<std::string> out = parse_list(answer, kMostOtherFolders);
  out.erase(std::remove_if(out.begin(),
                           out.end(),
                           [this](const std::string& name) {
                             return std::any_of(
                                 folders.begin(), folders.end(), [&name](const Folder& folder) {
                                   return folder.name == name;
                                 });
                           }),
            out.end());
  return out;
}

std::optional<std::string> MailboxReader::open() {
  for (Folder& folder : state_->folders) {
    std::string answer;
    auto failed = state_->ask(folder.name, "UID SEARCH UID *", answer);
    if (failed && state_->denied && &folder == &state_->folders.front()) {
      state_->login_options = nullptr;  // a server without AUTH=PLAIN: whatever there is
      failed = state_->ask(folder.name, "UID SEARCH UID *", answer);
    }
    if (failed) return failed;
    for (const std::uint32_t uid : parse_search(answer))
      folder.newest = std::max(folder.newest, uid);
  }
  return std::nullopt;
}

std::optional<std::string> MailboxReader::look() {
  for (Folder& folder : state_->folders) {
    if (auto failed = state_->look_into(folder)) return failed;
  }
  return std::nullopt;
}

std::optional<std::string> MailboxReader::find_elsewhere(const std::string& token) {
  for (const std::string& folder : state_->other_folders()) {
    std::string answer;
    // Servers that drop fields they do not know keep the Message-ID.
    const std::string search =
        fmt::format("UID SEARCH OR HEADER {} {} HEADER Message-ID {}", kMarkField, token, token);
    if (state_->ask(folder, search, answer)) continue;
    const std::vector<std::uint32_t> found = parse_search(answer);
    for (const std::uint32_t uid : found)
      state_->astray.push_back({folder, uid});
    if (!found.empty()) return people_folder_name(folder);
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
  std::map<std::string, std::vector<std::uint32_t>> by_folder;
  for (const Seen& one : state_->seen)
    by_folder[one.place.folder].push_back(one.place.uid);
  for (const Place& one : state_->astray)
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
