// SPDX-License-Identifier: Apache-2.0
#include "tools/wave_steps.h"

namespace postern::tools {

using routing::WaveState;

std::optional<std::string> doubt_about_step(WaveState from, WaveState to) {
  if (to == WaveState::cutover && from == WaveState::planned) {
    return "cutover comes behind dual, in which the old server forwards a copy of each letter and "
           "the mailboxes are filled";
  }
  if (to == WaveState::cutover && from == WaveState::rolled_back) {
    return "a wave that was rolled back goes through dual again before cutover";
  }
  if (from == WaveState::cutover && to != WaveState::rolled_back) {
    return "the way back from cutover is rolled_back, which the log and the list then show";
  }
  if (from == WaveState::planned && to == WaveState::rolled_back) {
    return "nothing of a planned wave can be rolled back";
  }
  return std::nullopt;
}

}  // namespace postern::tools
