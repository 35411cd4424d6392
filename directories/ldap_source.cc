// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_source.h"

#include "base/printable.h"
#include "directories/ldap_address.h"
#include "directories/ldap_connection.h"
#include "directories/ldap_filter.h"
#include "directories/ldap_ranges.h"
#include "routing/mailbox_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postern::directories {
namespace {

using routing::DirectoryAnswer;
using routing::Presence;
using Clock = std::chrono::steady_clock;

/// Entries of a filter that is wider than the address; the attributes then tell which is meant.
constexpr int kWideFilter = 20;

struct Server {
  std::string url;
  std::string name;
  std::optional<LdapConnection> connection;
  Clock::time_point rests_until{};
};

/// What is asked: the address without its quotes, as RFC 5321 4.1.2 compares them.
struct Question {
  std::string address;
  std::string local;
  std::string filter;
};

class LdapSource final : public Source {
 public:
  explicit LdapSource(const LdapSettings& settings) : settings_(settings) {
    for (const std::string& url : settings_.servers)
      servers_.push_back({url, ldap_server_name(url), std::nullopt, {}});
    auto filter = LdapFilter::parse(settings_.filter);
    if (filter) {
      filter_ = std::move(*filter);
    } else {
      refusal_ = fmt::format("ldap {}: filter: {}", settings_.name, filter.error().sentence);
      refused_until_ = Clock::time_point::max();
    }
  }

  DirectoryAnswer look_up(const smtp::Mailbox& mailbox) override {
    const Clock::time_point now = Clock::now();
    if (now < refused_until_) return {Presence::unavailable, refusal_};
    const routing::LocalKey key(mailbox.local(), true);
    if (!key.fits() || key.view().empty() || !mailbox.has_domain()) {
      return {Presence::unknown,
              fmt::format("ldap {}: no mailbox can be called so", settings_.name)};
    }
    Question question{
        fmt::format("{}@{}", key.view(), mailbox.domain()), std::string(key.view()), {}};
    question.filter = filter_.text_for({question.address, question.local, mailbox.domain()});
    return ask_in_turn(question, now + settings_.timeout);
  }

 private:
  /// The preferred server first, those that rest last: when nobody else answers they are asked too.
  std::vector<Server*> order(Clock::time_point now) {
    std::vector<Server*> out;
    for (Server& server : servers_)
      out.push_back(&server);
    std::stable_partition(
        out.begin(), out.end(), [now](const Server* s) { return s->rests_until <= now; });
    return out;
  }

  DirectoryAnswer ask_in_turn(const Question& question, Clock::time_point deadline) {
    const std::vector<Server*> turn = order(Clock::now());
    std::string causes;
    for (std::size_t i = 0; i < turn.size(); ++i) {
      Server& server = *turn[i];
      // A server that says nothing leaves the others their part of the time.
      const auto now = Clock::now();
      if (now >= deadline) break;
      const auto others = static_cast<std::int64_t>(turn.size() - i);
      auto answer = ask(server, question, now + (deadline - now) / others);
      if (answer) {
        keep_only(server);
        return *std::move(answer);
      }
      const LdapFailure& failure = answer.error();
      causes += fmt::format("{}{}: {}", causes.empty() ? "" : "; ", server.name, failure.text);
      if (failure.trouble == LdapTrouble::setting) break;
      server.rests_until = Clock::now() + settings_.rest;
      if (failure.trouble == LdapTrouble::refused) {
        refused_until_ = server.rests_until;
        refusal_ = fmt::format("ldap {}: {}", settings_.name, causes);
        break;
      }
    }
    if (causes.empty()) causes = "no answer in time";
    return {Presence::unavailable, fmt::format("ldap {}: {}", settings_.name, causes)};
  }

  Result<DirectoryAnswer, LdapFailure> ask(Server& server,
                                           const Question& question,
                                           Clock::time_point deadline) {
    if (server.connection) {
      auto answer = search(server, question, deadline);
      if (answer || answer.error().trouble != LdapTrouble::lost) return answer;
      // The server may have closed an idle connection, or was restarted: once more, from the start.
    }
    auto opened = LdapConnection::open(settings_, server.url, deadline);
    if (!opened) return opened.error();
    server.connection = std::move(*opened);
    return search(server, question, deadline);
  }

  Result<DirectoryAnswer, LdapFailure> search(Server& server,
                                              const Question& question,
                                              Clock::time_point deadline) {
    LdapSearch search;
    search.filter = question.filter;
    const bool judged = !settings_.attributes.empty();
    search.size_limit = judged ? kWideFilter : 1;
    std::size_t entries = 0;
    std::optional<std::string> dn;
    std::vector<LdapEntry> partial;
    const auto found = server.connection->search(search, deadline, [&](const LdapEntry& entry) {
      ++entries;
      if (!judged || ldap_entry_has(entry, question.address, question.local)) {
        if (!dn) dn = entry.dn;
      } else if (has_ldap_ranges(entry)) {
        partial.push_back(entry);
      }
    });
    if (!found) return lost_or(server, found.error());
    const AskLdapPart ask = ask_by(*server.connection, [deadline] { return deadline; });
    for (std::size_t i = 0; i < partial.size() && !dn; ++i) {
      const auto whole = complete_ldap_ranges(partial[i], ask);
      if (!whole) return lost_or(server, whole.error());
      if (ldap_entry_has(partial[i], question.address, question.local)) dn = partial[i].dn;
    }
    const std::string who = fmt::format("ldap {} ({})", settings_.name, server.name);
    if (dn) return DirectoryAnswer{Presence::known, fmt::format("{}: {}", who, printable(*dn))};
    if (found->over_limit) {
      return LdapFailure{LdapTrouble::setting,
                         fmt::format("search: over {} entries, none of the first with this address "
                                     "in its attributes: the filter is too wide",
                                     kWideFilter)};
    }
    if (entries == 0) return DirectoryAnswer{Presence::unknown, who + ": no entry"};
    return DirectoryAnswer{Presence::unknown,
                           fmt::format("{}: {} entries, none with this address in {}",
                                       who,
                                       entries,
                                       fmt::join(settings_.attributes, ", "))};
  }

  static LdapFailure lost_or(Server& server, const LdapFailure& failure) {
    if (failure.trouble == LdapTrouble::lost) server.connection.reset();
    return failure;
  }

  void keep_only(const Server& used) {
    for (Server& server : servers_) {
      if (&server != &used) server.connection.reset();
    }
  }

  const LdapSettings settings_;
  LdapFilter filter_;
  std::vector<Server> servers_;
  Clock::time_point refused_until_{};
  std::string refusal_;
};

}  // namespace

std::unique_ptr<Source> make_ldap_source(const LdapSettings& settings) {
  return std::make_unique<LdapSource>(settings);
}

}  // namespace postern::directories
