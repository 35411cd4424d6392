// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/stage.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

/// The built-in stages, one file each. Registered in routing/registry.cc.
namespace postern::routing::stages {

std::unique_ptr<Stage> make_loop_guard(const StageSources& sources);          // R13
std::unique_ptr<Stage> make_relay_access(const StageSources& sources);        // R1, R2, R3
std::unique_ptr<Stage> make_tech_alias(const StageSources& sources);          // R4
std::unique_ptr<Stage> make_cutover(const StageSources& sources);             // R5
std::unique_ptr<Stage> make_wave_cutover(const StageSources& sources);        // R5, with waves
std::unique_ptr<Stage> make_custom_route(const StageSources& sources);        // R6
std::unique_ptr<Stage> make_internal_gateway(const StageSources& sources);    // R10
std::unique_ptr<Stage> make_address_validation(const StageSources& sources);  // R8
std::unique_ptr<Stage> make_unknown_recipient(const StageSources& sources);   // R9
std::unique_ptr<Stage> make_mailboxes(const StageSources& sources);           // R1, R4a
std::unique_ptr<Stage> make_external_gateway(const StageSources& sources);    // R11
std::unique_ptr<Stage> make_dns_mx(const StageSources& sources);              // R12
// More ways: docs/ways.md.
std::unique_ptr<Stage> make_lists(const StageSources& sources);
std::unique_ptr<Stage> make_rewrite(const StageSources& sources);
std::unique_ptr<Stage> make_journal(const StageSources& sources);
std::unique_ptr<Stage> make_sender_route(const StageSources& sources);
std::unique_ptr<Stage> make_dual_delivery(const StageSources& sources);

// Policy servers: docs/policy.md.
/// All that the config has no stage of their own for.
std::unique_ptr<Stage> make_policy(const StageSources& sources);
/// The one at `index` of the config.
std::unique_ptr<Stage> make_policy(const StageSources& sources, std::size_t index);
/// "policy:NAME"
std::string policy_stage_name(const PolicyConfig& policy);

// What they share. Reasons made beforehand live in their stage: Text::literal of them is valid as
// long as the pipeline is, which is what a decision promises.

inline Verdict pass(Text reason) {
  return {Pass{}, std::move(reason)};
}
/// The directory has the recipient.
inline Verdict known(Text evidence) {
  Pass pass;
  pass.known = true;
  return {std::move(pass), std::move(evidence)};
}
inline Verdict reject(smtp::Reply reply, Text reason) {
  return {Reject{std::move(reply)}, std::move(reason)};
}
inline Verdict defer(smtp::Reply reply, Text reason) {
  return {Defer{std::move(reply)}, std::move(reason)};
}

/// "dlp, dlp2"
std::string names_of(const Hops& hops);
/// Next hops by name; names that do not exist were refused by Pipeline::build.
Hops resolve(const Config& config, const std::vector<std::string>& names);
/// The mailbox under the domain's main name; unchanged when it is that already (R16: case kept).
smtp::Mailbox under_main_name(const Progress& progress);

}  // namespace postern::routing::stages
