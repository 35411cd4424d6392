// SPDX-License-Identifier: Apache-2.0
#include "directories/sql_states.h"

#include <algorithm>
#include <array>

namespace postern::directories {
namespace {

struct Meaning {
  std::string_view prefix;  ///< a whole SQLSTATE, or its class
  std::string_view text;
};

// Whole ones before their class.
constexpr std::array kMeanings = {
    Meaning{"0A000", "the server cannot do this"               },
    Meaning{"08",    "no connection"                           },
    Meaning{"22",    "the query cannot take this address"      },
    Meaning{"25006", "the server is read-only"                 },
    Meaning{"26",    "the server has forgotten the statement"  },
    Meaning{"28P01", "the server does not take the password"   },
    Meaning{"28",    "the server does not let us in"           },
    Meaning{"3D",    "there is no such database"               },
    Meaning{"3F",    "there is no such schema"                 },
    Meaning{"40",    "the server gave the query up"            },
    Meaning{"42501", "the account may not read this"           },
    Meaning{"42",    "the query is wrong"                      },
    Meaning{"53300", "the server has too many connections"     },
    Meaning{"53",    "the server is out of resources"          },
    Meaning{"55",    "the server is not in the state for this" },
    Meaning{"57014", "the query took too long"                 },
    Meaning{"57P01", "the server is shutting down"             },
    Meaning{"57P02", "the server has crashed"                  },
    Meaning{"57P03", "the server is not taking connections now"},
    Meaning{"57P05", "the server closed the idle session"      },
    Meaning{"57",    "an operator intervened"                  },
    Meaning{"58",    "the server has trouble with its system"  },
    Meaning{"XX",    "the server has an internal error"        },
};

constexpr std::array<std::string_view, 6> kOver = {"08", "57P01", "57P02", "57P05", "26", "0A000"};

}  // namespace

std::string_view sql_state_text(std::string_view state) {
  const auto found = std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Meaning& m) {
    return state.starts_with(m.prefix);
  });
  return found == kMeanings.end() ? std::string_view() : found->text;
}

bool wants_new_connection(std::string_view state) {
  return std::any_of(kOver.begin(), kOver.end(), [&](std::string_view prefix) {
    return state.starts_with(prefix);
  });
}

}  // namespace postern::directories
