// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/send/options.h"
#include "mailtools/send/report.h"

#include <ostream>
#include <string>

namespace postern::send {

/// The letter as it would be sent; `number` is the how-manieth.
std::string letter_of(const Options& options, unsigned long number);

/// All letters, one after the other; the status of the first that failed, or 0. Blocks.
int send_letters(const Options& options, Report& report);

/// What would be done, by swaks' sections ("ALL", "TLS,AUTH"), without the password.
void dump(const Options& options, const std::string& sections, std::ostream& out);

}  // namespace postern::send
