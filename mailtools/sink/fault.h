// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "base/result.h"
#include "smtp/reply.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::sink {

/// Where in a session something can go wrong.
enum class Stage : std::uint8_t {
  any,
  connect,       ///< the greeting
  helo,          ///< HELO, EHLO
  starttls,      ///< the command; the handshake follows
  auth,          ///< the command; the exchange follows
  mail,          ///< MAIL
  rcpt,          ///< RCPT, each
  data_command,  ///< DATA, before 354
  bdat,          ///< BDAT, each chunk
  data,          ///< the end of a letter: CRLF.CRLF, or the octets of BDAT LAST
  rset,
  quit,
};

/// One thing that goes wrong, as it was asked for. A plain value.
struct Fault {
  enum class Kind : std::uint8_t {
    fail,       ///< `reply` instead of the stage
    delay,      ///< `span` before the stage
    drop,       ///< the connection ends
    stall,      ///< no reply, ever
    tls_fail,   ///< no TLS handshake behind the 220 to STARTTLS
    slow_read,  ///< a letter's octets are read at `rate`
    no_ext,     ///< `extensions` are neither offered nor obeyed
  };
  enum class When : std::uint8_t {
    before,    ///< instead of the stage, without a reply
    after,     ///< the stage is done, a letter kept, and its reply never said
    answered,  ///< behind the reply
  };

  Kind kind = Kind::fail;
  Stage stage = Stage::any;
  smtp::Reply reply;
  std::chrono::milliseconds span{0};
  When when = When::before;
  bool reset = false;                   ///< with RST rather than FIN
  std::uint64_t rate = 0;               ///< octets a second
  std::vector<std::string> extensions;  ///< keywords of EHLO, in capitals

  // Conditions: all of them hold where it strikes.
  double percent = 100;
  std::string from;  ///< a pattern with * and ? over the envelope sender; empty: any
  std::string to;    ///< over the recipient, or any of the letter's recipients; empty: any
  std::optional<IpPrefix> client;
  std::uint64_t nth = 0;    ///< at the N-th time alone, from 1; 0: each
  std::uint64_t first = 0;  ///< the first N times; 0: each

  std::string text;  ///< as it is listed: "fail rcpt:450:5%"
};

/// What is wrong with the words for a fault, and what to write instead.
struct FaultError {
  std::string text;
};

/// "fail", "delay", "drop", "stall", "tls-fail", "slow-read" or "no-ext", and what the option of
/// that name takes (docs/sink.md). Pure.
Result<Fault, FaultError> parse_fault(std::string_view kind, std::string_view spec);

/// Does `pattern` (* any octets, ? one) cover all of `text`? Without the case of ASCII letters.
bool matches(std::string_view pattern, std::string_view text);

/// What is known at a stage. Views are valid during the call.
struct Occasion {
  Stage stage = Stage::connect;
  IpAddress client;
  std::optional<std::string_view> from;  ///< none before MAIL
  std::span<const std::string_view> to;  ///< the recipient at RCPT, else those taken
};

/// What is to happen at a stage; nothing of it: the stage goes its way.
struct Strike {
  std::chrono::milliseconds delay{0};
  bool stall = false;
  bool tls_fail = false;
  std::optional<smtp::Reply> reply;
  struct Drop {
    Fault::When when;
    bool reset;
  };
  std::optional<Drop> drop;
  std::uint64_t rate = 0;
};

/// The faults of a sink that is running. Any thread.
class FaultTable {
 public:
  explicit FaultTable(std::uint64_t seed) : seed_(seed) {}

  /// Its number, from 1; 0: there are kMost already.
  std::size_t add(Fault fault);
  static constexpr std::size_t kMost = 1000;
  /// False: there is no such fault.
  bool remove(std::size_t number);
  void clear();

  struct Row {
    std::size_t number;
    std::string text;
    std::uint64_t struck;
  };
  std::vector<Row> list() const;

  /// A relaxed load: is there anything to ask?
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }
  /// Asks all faults in their order; of several delays the sum, of several replies or drops the
  /// first. Which occasions a percentage takes is settled by the seed, the fault's number and how
  /// often it was asked before.
  Strike strike(const Occasion& occasion);
  /// Keywords of EHLO that are hidden from this client, in capitals. The view of `version` is what
  /// a session compares to ask again only where something has changed.
  std::vector<std::string> hidden(const IpAddress& client) const;
  std::uint64_t version() const { return version_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::size_t number;
    Fault fault;
    std::uint64_t asked = 0;
    std::uint64_t struck = 0;
  };
  bool strikes(Entry& entry, const Occasion& occasion) const;

  const std::uint64_t seed_;
  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> version_{0};
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  ///< under mutex_
  std::size_t last_ = 0;        ///< under mutex_
};

}  // namespace postern::sink
