// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/verify/arrival.h"
#include "mailtools/verify/outcome.h"
#include "mailtools/verify/plan.h"
#include "smtp/reply.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::verify {

/// Where a letter is handed in.
enum class Door : std::uint8_t {
  old_server,  ///< X, as an outside sender
  gateway,     ///< G's mx listener, as an outside sender
  stranger,    ///< the same, from an address that may not relay
  platform,    ///< V, as a user of its own
};

/// How often a mailbox (index into Plan::mailboxes) must have the letter.
struct Wanted {
  std::size_t mailbox = 0;
  unsigned copies = 0;
};

/// What a door itself must refuse.
enum class Refusal : std::uint8_t {
  none,
  relaying,  ///< the recipient: 550 5.7.1 (R2)
  circling,  ///< the letter: 554 5.4.6 (R13)
};

/// One scenario of docs/mail-flow.md as a letter. A plain value.
struct Scenario {
  std::string name;
  std::string title;
  Door door = Door::old_server;
  std::string from;
  std::string to;
  std::vector<Wanted> wanted;
  Refusal refused = Refusal::none;
  std::vector<std::size_t> astray{};     ///< mailboxes where it comes when it is not refused
  std::optional<std::size_t> bounce_at;  ///< a report must come to this mailbox
  std::string trouble;                   ///< code, when a copy that is wanted does not come
  std::string trouble_after_old{};       ///< the same, when X has its own
  std::string skipped{};                 ///< not empty: why it is not tested
  std::string blind{};                   ///< not empty: why a pass cannot be told
  std::string fields{};                  ///< header fields on top of the letter's own, with CRLF
};

/// The scenarios that can be tested from outside, those for which something is missing as skipped
/// ones. `config` is the gateway's.
std::vector<Scenario> scenarios_of(const Plan& plan, const gateway::Config& config);

/// How far a session had come when it ended.
enum class Step : std::uint8_t { session, sender, recipient, letter };

/// What became of handing a letter in.
struct Handed {
  bool reached = false;                ///< the server took the connection
  std::optional<smtp::Reply> refusal;  ///< of whichever command was refused
  std::string failure{};               ///< no connection, no TLS, no login: one sentence
  std::string local_address{};         ///< that it was sent from
  Step step = Step::session;           ///< what was refused or failed; only hand_in() tells
  bool taken() const { return reached && !refusal && failure.empty(); }
};

/// What is in the mailboxes; by index into Plan::mailboxes.
struct Watched {
  std::vector<Arrival> arrivals;
  std::map<std::string, std::string>
      elsewhere;        ///< a letter's token, and the other folder it is in
  std::string failure;  ///< not empty: the mailbox cannot be looked into
};

/// The letter is in one of `mailboxes`, whatever the folder.
bool has_come(const std::vector<std::size_t>& mailboxes,
              std::string_view token,
              const std::vector<Watched>& watched);

/// Copies of the letter in the folders that are looked into.
unsigned count_copies(const Watched& box, std::string_view token);

/// Of a letter that was taken: everything that is wanted is there, be it in another folder, or a
/// report says that it will not come; there may be more. What had to be refused is waited for too,
/// in a mailbox that can be looked into, so that it can be deleted.
bool is_complete(const Scenario& scenario,
                 std::string_view token,
                 const std::vector<Watched>& watched);

/// The line of the table. `token`: the letter's; `door`: where it was handed in, to be printed.
Row judge(const Plan& plan,
          const Scenario& scenario,
          std::string_view token,
          std::string_view door,
          const Handed& handed,
          const std::vector<Watched>& watched);

}  // namespace postern::verify
