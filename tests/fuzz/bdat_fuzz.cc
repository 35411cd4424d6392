// SPDX-License-Identifier: Apache-2.0
#include "smtp/data_decoder.h"
#include "smtp/replies.h"
#include "smtp/server_dialogue.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

// A whole client's stream with BDAT through the dialogue: whatever it refuses, the octets of a
// chunk are never taken for a command, and every line gets exactly one reply.
namespace {

using namespace postern::smtp;
using D = ServerDialogue;
using postern::operator""_text;

void require(bool holds) {
  if (!holds) std::abort();
}

std::size_t count_replies(std::string_view out) {
  std::size_t replies = 0;
  while (!out.empty()) {
    const std::size_t end = out.find("\r\n");
    require(end != std::string_view::npos && end >= 3);
    if (end == 3 || out[3] == ' ') ++replies;
    out.remove_prefix(end + 2);
  }
  return replies;
}

struct Run {
  D& dialogue;
  std::string out;
  std::size_t lines = 0;
  ContentScanner scanner;
};

/// The session's part, without waiting. Octets that a chunk took off the stream; the session is
/// over: npos.
std::size_t perform(Run& run, const D::Effect& effect, std::string_view rest) {
  if (const auto* mail = std::get_if<D::BeginMail>(&effect)) {
    run.dialogue.mail_done(mail->mail, replies::sender_ok(), run.out);
  } else if (const auto* rcpt = std::get_if<D::AddRecipient>(&effect)) {
    const bool known = rcpt->rcpt.path.local != "no";
    run.dialogue.recipient_done(known ? replies::recipient_ok() : Reply(550, {5, 1, 1}, "no"_text),
                                run.out);
  } else if (std::holds_alternative<D::BeginData>(effect)) {
    run.dialogue.data_done(Reply(451, {4, 3, 0}, "later"_text), run.out);
  } else if (const auto* chunk = std::get_if<D::BeginChunk>(&effect)) {
    if (chunk->size > rest.size()) return std::string_view::npos;
    const std::string_view octets = rest.substr(0, static_cast<std::size_t>(chunk->size));
    if (!chunk->discard) {
      run.scanner.scan(octets);
      const bool refuse = octets.starts_with('!');
      if (chunk->last) {
        run.dialogue.message_done(replies::ok(), run.out);
      } else {
        run.dialogue.chunk_done(refuse ? replies::message_too_large() : replies::chunk_taken(),
                                run.out);
      }
    }
    return octets.size();
  } else if (std::holds_alternative<D::Authenticate>(effect)) {
    run.dialogue.auth_done(false, replies::auth_unavailable(), run.out);
  } else if (std::holds_alternative<D::UpgradeTls>(effect)) {
    run.dialogue.tls_done();
  } else if (std::holds_alternative<D::Close>(effect)) {
    return std::string_view::npos;
  }
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  ServerProfile profile;
  profile.hostname = "gw";
  profile.offer_binarymime = (data[0] & 1U) != 0;
  profile.offer_starttls = (data[0] & 2U) != 0;
  if ((data[0] & 4U) != 0) profile.auth_mechanisms = "PLAIN";
  ServerDialogue dialogue(profile);
  Run run{dialogue, {}, 0, {}};
  std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (std::size_t lf; (lf = stream.find('\n')) != std::string_view::npos;) {
    const std::string_view line = stream.substr(0, lf > 0 && stream[lf - 1] == '\r' ? lf - 1 : lf);
    const bool crlf = line.size() + 2 == lf + 1;
    std::string_view rest = stream.substr(lf + 1);
    ++run.lines;
    const D::Effect effect =
        crlf ? dialogue.on_line(line, run.out) : dialogue.on_bare_lf(line, run.out);
    // Sizes are read from the line alone: nothing inside the octets may move the boundary.
    if (const auto* chunk = std::get_if<D::BeginChunk>(&effect))
      require(!chunk->discard || !run.out.empty());
    const std::size_t taken = perform(run, effect, rest);
    if (taken == std::string_view::npos) {
      const std::size_t replies = count_replies(run.out);
      require(replies == run.lines || replies + 1 == run.lines);  // the last chunk never came whole
      return 0;
    }
    rest.remove_prefix(taken);
    stream = rest;
    require(count_replies(run.out) == run.lines);
  }
  return 0;
}
