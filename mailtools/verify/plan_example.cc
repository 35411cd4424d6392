// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/plan.h"

namespace postern::verify {

std::string_view example_plan() {
  return R"toml(# What `postern verify --config postern.toml` tests with. Every key may be left out; what cannot be
# tested without it is reported as NOT TESTED, with the key that is missing.

domain = "company.ru"               # default: the config's first [[domain]]
helo = "gw.company.ru"              # default: the config's hostname
unknown = "nobody-here@company.ru"  # an address that neither server has; default: one is made up
group = "all-staff@company.ru"      # a group of Exchange that wants authenticated senders

[gateway]                           # where the world sees the gateway
mx = "203.0.113.10:25"              # default: the first "mx" listener
addresses = ["203.0.113.10"]        # the technical domain's MX must lead here; default: the listeners'
names = ["gw.company.ru"]           # or be one of these names; default: the config's hostname

[old_server]                        # Microsoft Exchange
next_hop = "exchange"               # default: the one with behaves = "exchange"
smtp = "10.0.0.5:25"                # default: the first host of the next hop
imap = { server = "ex01.company.ru:993", ca = "/etc/postern/verify/exchange-ca.pem" }   # its self-signed certificate, or its authority

[new_platform]                      # VK WorkSpace
next_hop = "vk"                     # default: the domain's `mailboxes`
smtp = "10.0.1.10:25"
imap = { server = "imap.company.ru:993" }

# How a user of the new platform sends; with it S3, S4 and S5 can be tested.
submission = { server = "smtp.company.ru:465", tls = "implicit", user = "olga@company.ru", password_file = "/etc/postern/verify/olga" }

[user.unmigrated]                   # has a mailbox in Exchange alone
address = "boris@company.ru"
old = { user = "boris", password_file = "/etc/postern/verify/boris" }

[user.migrated]                     # has both, and forwarding in Exchange
address = "ivan@company.ru"
old = { user = "ivan", password_file = "/etc/postern/verify/ivan" }
new = { user = "ivan@company.ru", password_file = "/etc/postern/verify/ivan" }

[user.cut_over]                     # has left Exchange
address = "vera@company.ru"
new = { user = "vera@company.ru", password_file = "/etc/postern/verify/vera" }

[user.sender]                       # the one who logs in at `submission`; reports come to him
address = "olga@company.ru"
new = { user = "olga@company.ru", password_file = "/etc/postern/verify/olga" }

[outside]                           # a mailbox anywhere else
address = "company.test@corp.com"
imap = { server = "imap.corp.com:993" }
user = "company.test@corp.com"
password_file = "/etc/postern/verify/outside"

# Local addresses to connect from, for a machine that has several.
[connect_from]
gateway = "10.0.1.5"                # probes of Exchange and VK WorkSpace: the gateway's own
# outside = "..."                   # letters of outside senders
# platform = "..."                  # letters of the new platform's users
# stranger = "..."                  # one that may not relay: S8
)toml";
}

}  // namespace postern::verify
