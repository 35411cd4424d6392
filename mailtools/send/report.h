// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/talk/observer.h"

#include <string>
#include <string_view>

namespace postern::send {

/// Who is told what happens, for a person or a program. One thread.
class Report : public talk::Observer {
 public:
  /// A letter begins; the first is 1.
  virtual void begin(unsigned long /*letter*/) {}
  /// It is over, with this exit status.
  virtual void end(int /*status*/) {}
  /// What is worth knowing.
  virtual void note(std::string_view text) = 0;
  /// What went wrong on this side of the dialogue.
  virtual void complain(std::string_view text) = 0;
};

/// One sentence for each kind of error, as a person reads it.
std::string sentence(const talk::TalkError& error);

}  // namespace postern::send
