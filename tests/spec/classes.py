# SPDX-License-Identifier: Apache-2.0
"""Who sends, and to whom: the classes of the table."""

from oracle import BRANCH, D, T, T2, Letter

# name, client, listener, authenticated as
ORIGINS = (
    ("E", "203.0.113.9", "mx", ""),
    ("X by address", "10.0.0.5", "mx", ""),
    ("X by listener", "10.0.9.9", "exchange", ""),
    ("X by listener, the DLP's address", "10.0.2.20", "exchange", ""),
    ("X by listener, V's address", "10.0.1.10", "exchange", ""),
    ("V", "10.0.1.10", "mx", ""),
    ("V, its second host", "10.0.1.11", "mx", ""),
    ("DLP", "10.0.2.20", "mx", ""),
    ("DLP, the second of a list", "10.0.2.21", "mx", ""),
    ("partner", "10.0.3.30", "mx", ""),
    ("service", "10.0.1.77", "mx", ""),
    ("service by IPv6", "2001:db8:7::25", "mx", ""),
    ("service, IPv4-mapped", "::ffff:10.0.1.77", "mx", ""),
    ("X, IPv4-mapped", "::ffff:10.0.0.5", "mx", ""),
    ("stranger by IPv6", "2001:db8:8::25", "mx", ""),
    ("authenticated on submission", "203.0.113.9", "submission", "i.ivanov"),
    ("unauthenticated on submission", "203.0.113.9", "submission", ""),
    ("service on submission", "10.0.1.77", "submission", ""),
)

# known in V; unknown in V; cut over; cut over and unknown in V; only in V; with a tag; in another case; unknown anywhere
LOCALS = ("i.ivanov", "p.petrov", "v.vetrov", "c.cut", "n.new", "i.ivanov+bills", "v.vetrov+x", "p.petrov+x", "c.cut+x",
          "team+list", "team+other", "team+cut", "i.ivanov-bills", "I.Ivanov", "V.VETROV", "postmaster")

RECIPIENTS = (
    *(f"{local}@{domain}" for domain in (D, T, T2) for local in LOCALS),
    "i.ivanov@COMPANY.ru", "V.Vetrov@Company.RU", "I.Ivanov@Tech.Company.RU", "p.petrov@TECH.company.ru",
    f"b.boris@{BRANCH}", f"i.ivanov@{BRANCH}", f"B.Boris+x@{BRANCH.upper()}", f"c.cut@{BRANCH}",
    f'"i.ivanov"@{D}', f'"v.vetrov"@{D}',                                         # quotes that change nothing
    "Postmaster",
    "u@sub.company.ru", "u@sub.tech.company.ru", "u@notcompany.ru",               # R8a: not ours
    "u@partner.com", "u@sub.partner.com",                                         # routed exactly
    "u@corp.com", "u@x.corp.com", "u@y.x.corp.com", "u@X.Corp.Com",               # routed by *.corp.com
    "sales@example.org", "u@nullmx.example",                                      # outside; a null MX is for DNS to find
    "sales%example.org@company.ru", "example.org!sales@company.ru", '"sales@example.org"@company.ru',
    "sales%example.org@tech.company.ru", "sales%example.org@[10.0.0.5]", "u@[127.0.0.1]", "u@localhost",
)


def letters():
    for name, client, listener, identity in ORIGINS:
        for recipient in RECIPIENTS:
            yield name, Letter(client, recipient, listener, identity)
