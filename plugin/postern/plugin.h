// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a plug-in of postern includes: all of it, and nothing but the standard library. A plug-in is
// a shared object that a config names (`[[plugin]] path`); it brings stages, each of which looks at
// one recipient and says what it knows about him. docs/stages.md has an example and the rules.
//
// A plug-in is loaded once and stays for as long as the process lives, also when a reload drops it
// from the config, or takes another file in its place beside it: what it gave may be in use until
// then. Two versions side by side share nothing but the process. Built for another kAbi or by
// another toolchain it is refused, with a message that names both.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::plugin {

/// Changes with every change of this file that a plug-in that is built would notice.
inline constexpr std::uint32_t kAbi = 1;

/// Names, without ownership.
struct Names {
  const std::string_view* first = nullptr;
  std::size_t count = 0;

  const std::string_view* begin() const { return first; }
  const std::string_view* end() const { return first + count; }
};

/// One recipient of one message from one client. Everything in it is valid during the call alone.
struct Question {
  // The recipient now; stages before may have rewritten it. Never interpret a local part.
  std::string_view recipient;  ///< "user@company.ru"
  std::string_view local;
  std::string_view domain;
  std::string_view came_as;     ///< as the client said it
  std::string_view our_domain;  ///< the main name of the domain of ours; empty: elsewhere
  bool under_alias = false;     ///< `domain` is an alias of `our_domain`
  bool bound = false;           ///< bound to the domain's mailboxes by a stage before

  std::string_view sender;  ///< empty: the null sender. Anybody can write one.
  std::string_view client;  ///< "10.0.0.5", "2001:db8::1"
  Names origins;            ///< next hops that the client counts as (R7)
  std::string_view listener;
  bool is_submission = false;
  std::string_view identity;  ///< authenticated as; empty: not
  std::uint64_t size = 0;     ///< octets as declared; 0: not

  // Of the session; where no client waits (a retry, a replay, the proof) empty.
  bool has_client = false;
  std::string_view helo;
  bool is_tls = false;
};

/// What a stage says. Made by the functions below. `reason` is one line that states the fact and
/// the setting it comes from: explain prints it, the log holds it.
struct Verdict {
  enum class Kind : std::uint32_t { pass, bind, rewrite, route, reject, defer, discard };

  Kind kind = Kind::pass;
  std::string reason;
  std::string address;                 ///< of rewrite and route
  std::vector<std::string> next_hops;  ///< of route, tried in order
  int code = 0;                        ///< of reject and defer
  std::string status;                  ///< the same, "5.7.1"
  std::string text;                    ///< the same: what the client is told
  bool is_told = false;  ///< the letter's log line has the reason, whatever stage decides

  /// No opinion: the next stage is asked.
  static Verdict pass(std::string reason) { return of(Kind::pass, std::move(reason)); }
  /// A mailbox of its domain: goes where the domain's mailboxes are.
  static Verdict bind(std::string reason) { return of(Kind::bind, std::move(reason)); }
  /// Goes on with this recipient.
  static Verdict rewrite(std::string address, std::string reason) {
    Verdict out = of(Kind::rewrite, std::move(reason));
    out.address = std::move(address);
    return out;
  }
  /// Goes there, under this address, which may be of any domain; never to a next hop that it came
  /// from (R7). Whether the client may have it sent on is judged by the address that it said (R1),
  /// or, where `relay_access` is asked first, by what the stages before that have made of it: never
  /// by `address`. So a stranger's mail for an address of ours may leave for another domain, here
  /// and by rewrite(), as by a forwarding. Make that address of settings: where a stranger can
  /// choose it, this is an open relay.
  static Verdict route(std::string next_hop, std::string_view address, std::string reason) {
    Verdict out = of(Kind::route, std::move(reason));
    out.next_hops.push_back(std::move(next_hop));
    out.address = address;
    return out;
  }
  /// 5xx: for ever.
  static Verdict reject(std::string text,
                        std::string reason,
                        std::string status = "5.7.1",
                        int code = 550) {
    Verdict out = of(Kind::reject, std::move(reason));
    out.text = std::move(text);
    out.status = std::move(status);
    out.code = code;
    return out;
  }
  /// 4xx: not now, or could not tell.
  static Verdict defer(std::string text,
                       std::string reason,
                       std::string status = "4.7.1",
                       int code = 451) {
    Verdict out = reject(std::move(text), std::move(reason), std::move(status), code);
    out.kind = Kind::defer;
    return out;
  }
  /// 250, and nobody gets it.
  static Verdict discard(std::string reason) { return of(Kind::discard, std::move(reason)); }

 private:
  static Verdict of(Kind kind, std::string reason) {
    Verdict out;
    out.kind = kind;
    out.reason = std::move(reason);
    return out;
  }
};

/// One decision about one recipient.
class Stage {
 public:
  virtual ~Stage() = default;
  /// Called by many threads at once, which serve mail: it must not wait for anything, and answers
  /// from what it has in memory. An exception defers the recipient (451 4.3.0).
  virtual Verdict judge(const Question& question) const = 0;
  /// Nothing is configured for it: it is left out, and costs nothing.
  virtual bool is_idle() const { return false; }
};

/// What the config tells a plug-in; valid while a stage is made.
class Site {
 public:
  /// `[[plugin]] options`.
  virtual std::string_view option(std::string_view name, std::string_view otherwise) const = 0;
  virtual bool has_next_hop(std::string_view name) const = 0;
  virtual std::string_view hostname() const = 0;

 protected:
  ~Site() = default;
};

/// Makes a stage; called for each config that is built, and several times for the proof of `check`.
/// A std::exception refuses the config, with its what() as the finding.
using Maker = std::unique_ptr<Stage> (*)(const Site& site);

/// Where a plug-in tells its stages.
class Stages {
 public:
  /// `name` is what `routing.stages` lists: letters, digits, "_", "-" and ".". A built-in stage's
  /// name wants `[[plugin]] replaces`.
  virtual void add(std::string_view name, Maker maker) = 0;

 protected:
  ~Stages() = default;
};

#define POSTERN_PLUGIN_TEXT_(x) #x
#define POSTERN_PLUGIN_TEXT(x) POSTERN_PLUGIN_TEXT_(x)
#if defined(__clang__)
#define POSTERN_PLUGIN_COMPILER "clang " POSTERN_PLUGIN_TEXT(__clang_major__)
#elif defined(__GNUC__)
#define POSTERN_PLUGIN_COMPILER "g++ " POSTERN_PLUGIN_TEXT(__GNUC__)
#else
#define POSTERN_PLUGIN_COMPILER "another compiler"
#endif
#if defined(_LIBCPP_VERSION)
#define POSTERN_PLUGIN_LIBRARY "libc++ " POSTERN_PLUGIN_TEXT(_LIBCPP_VERSION)
#elif defined(_GLIBCXX_RELEASE)
#define POSTERN_PLUGIN_LIBRARY                                                               \
  "libstdc++ " POSTERN_PLUGIN_TEXT(_GLIBCXX_RELEASE) " with cxx11 abi " POSTERN_PLUGIN_TEXT( \
      _GLIBCXX_USE_CXX11_ABI)
#else
#define POSTERN_PLUGIN_LIBRARY "another standard library"
#endif

/// What must be the same on both sides for standard types to cross.
inline constexpr const char* kToolchain = POSTERN_PLUGIN_COMPILER ", " POSTERN_PLUGIN_LIBRARY;

/// What a plug-in exports, as `postern_plugin`. The first three members never change.
struct Descriptor {
  static constexpr std::uint32_t kMagic = 0x50736721;

  std::uint32_t magic = kMagic;
  std::uint32_t abi = kAbi;
  const char* toolchain = kToolchain;
  std::uint32_t question_octets = sizeof(Question);
  std::uint32_t verdict_octets = sizeof(Verdict);
  void (*add_stages)(Stages& stages) = nullptr;
};

}  // namespace postern::plugin

/// Once in a plug-in, at namespace scope: exports it. `add` is a void(postern::plugin::Stages&).
#define POSTERN_PLUGIN(add)                                            \
  extern "C" __attribute__((visibility("default")))                    \
  const ::postern::plugin::Descriptor postern_plugin;                  \
  extern "C" const ::postern::plugin::Descriptor postern_plugin = {    \
      ::postern::plugin::Descriptor::kMagic,                           \
      ::postern::plugin::kAbi,                                         \
      ::postern::plugin::kToolchain,                                   \
      static_cast<std::uint32_t>(sizeof(::postern::plugin::Question)), \
      static_cast<std::uint32_t>(sizeof(::postern::plugin::Verdict)),  \
      add}
