# SPDX-License-Identifier: Apache-2.0
"""The oracle: what must happen to one recipient, written from docs/mail-flow.md and from nothing else.

Every line that decides cites its rule. Where the page leaves a choice, the line says UNCLEAR, and what was read into it.
Nothing here looks at the C++: when the two differ, one of them has misread the page.
"""

from dataclasses import dataclass, field

# "Who is who" of mail-flow.md, with the addresses of docs/examples/coexistence.toml.
D = "company.ru"
T = "tech.company.ru"          # the first alias
T2 = "mail.company.ru"         # the second one
BRANCH = "branch.ru"           # ours as well: no alias, no route
HOSTS = {"exchange": ("10.0.0.5",), "vk": ("10.0.1.10", "10.0.1.11"), "dlp": ("10.0.2.20",), "dlp2": ("10.0.2.21",),
         "partner": ("10.0.3.30",)}
ALLOWED = {"10.0.0.5", "10.0.1.10", "10.0.1.11", "10.0.1.77", "10.0.2.20", "10.0.2.21", "10.0.3.30", "2001:db8:7::25",
           "::ffff:10.0.1.77", "::ffff:10.0.0.5"}

DIRECTORY = ("i.ivanov@company.ru", "v.vetrov@company.ru", "n.new@company.ru", "team+list@company.ru", "b.boris@branch.ru")
CUTOVER = ("v.vetrov@company.ru", "c.cut", "team+cut")      # R5: an address or a local part a line

UP, DOWN, NONE = "up", "down", "none"


@dataclass(frozen=True)
class World:
    """One config: mail-flow.md, "Settings"."""
    independent: bool = True
    validate: bool = False
    redirect: str = "exchange"          # unknown_redirect; "": off
    deliver_as: str = "alias"
    internal: tuple = ()
    external: tuple = ("dlp",)
    routes: tuple = ((D, "exchange"), ("partner.com", "partner"), ("*.corp.com", "partner"))
    directory: str = UP
    cutover: str = UP
    aliases: tuple = (T, T2)
    case_sensitive: bool = False
    delimiter: str = "+"
    sources: tuple = ()                 # of the next hop exchange; (): its hosts
    listener_from: str = "exchange"     # of the listener "exchange"
    environment: str = ""               # OUR_ADDRESS_VALIDATE
    max_hops: int = 25
    max_own_passes: int = 2
    empty: bool = False                 # R1: no setting at all


@dataclass(frozen=True)
class Letter:
    client: str
    recipient: str                      # as a client writes it
    listener: str = "mx"                # "mx", "exchange" (says `from`), "submission"
    identity: str = ""


@dataclass
class Decision:
    kind: str
    stage: str
    hop: str = ""
    out: str = ""
    code: int = 250
    status: str = "2.1.5"
    rules: set = field(default_factory=set)


def split(address):
    """The local part and the domain; `Postmaster` alone has none."""
    local, at, domain = address.rpartition("@")
    if not at:
        return domain, ""
    return local, domain


def routed_local_part(local):
    """R2: percent hack, bang paths, quoted local parts with an address in them."""
    return "%" in local or "!" in local or "@" in local


class Oracle:
    """One decision. `self.rules` collects the rules that had a say."""

    def __init__(self, world, letter):
        self.world, self.letter, self.rules = world, letter, set()
        self.local, self.domain = split(letter.recipient)
        self.validate = world.validate if not world.environment else world.environment == "1"   # Settings: it overrides

    # -- What the words mean ------------------------------------------------------------------------------------------------

    def cite(self, *rules):
        self.rules.update(rules)

    def domain_of_ours(self, domain):
        """(main, is alias), or None. R8a: domains are compared without case, subdomains are not covered."""
        if self.world.empty:
            return None
        low = domain.lower()
        for main, aliases in ((D, self.world.aliases), (BRANCH, ())):
            if low == main:
                return main, False
            if low in aliases:
                return main, True
        return None

    def origin(self):
        """R7, R7a: the next hops that the mail comes from, as a set: whose client it is, and the DLP that it went through."""
        world, client = self.world, self.letter.client.removeprefix("::ffff:")
        by_address = ""
        for hop, hosts in HOSTS.items():
            sources = world.sources if hop == "exchange" and world.sources else hosts     # R7: default: its hosts
            if client in sources:
                by_address = hop
        if self.letter.listener == "exchange" and world.listener_from:
            self.cite("R7a")                 # "counts as that next hop, whatever address a balancer or DLP gives it"
            return {world.listener_from} | ({by_address} & self.filters())   # "Mail coming back from a DLP next hop ..."
        return {by_address} - {""}

    def filters(self):
        """R7a: what a DLP is. UNCLEAR: read as a gateway of the config that is neither X nor V."""
        return set(self.world.internal + self.world.external) - {"exchange", "vk"}

    def may_relay(self):
        """R2"""
        return self.letter.client in ALLOWED and not self.world.empty or bool(self.letter.identity)

    def listed(self, entries, main):
        """R8a: the full address, then the address without its tag; local parts without case by default."""
        def norm(local):
            if local.startswith('"') and local.endswith('"'):       # RFC 5321 4.1.2: the quotes are no part of it
                local = local[1:-1]
            return local if self.world.case_sensitive else local.lower()
        tries = [self.local]
        if self.world.delimiter and self.world.delimiter in self.local:
            tries.append(self.local.split(self.world.delimiter)[0])
        for local in tries:
            for entry in entries:
                entry_local, entry_domain = split(entry) if "@" in entry else (entry, D)
                if entry_domain == main and norm(local) == norm(entry_local):
                    return True
        return False

    def presence(self, main):
        if self.world.directory == NONE:
            return "known"                                                  # R9: with no directory everyone is known
        if self.world.directory == DOWN:
            return "unavailable"
        return "known" if self.listed(DIRECTORY, main) else "unknown"

    def route_for(self, domain):
        """R6: exact, `*.sub`, or `*`. UNCLEAR which of them wins: read as the most exact one."""
        low = domain.lower()
        found, length = "", -1
        for pattern, via in self.world.routes:
            if pattern == low:
                return via
            if pattern == "*" and length < 0:
                found, length = via, 0
            if pattern.startswith("*.") and low.endswith(pattern[1:]) and len(pattern) > length:
                found, length = via, len(pattern)
        return found

    def address_for_v(self, main, alias):
        """R4a: the address that V gets; `alias` is the domain that it came under, or ""."""
        self.cite("R4a")
        if self.world.deliver_as == "main" or main == BRANCH or not self.world.aliases:
            return f"{self.local}@{main}"                       # "a domain without an alias is main"
        if alias:
            return f"{self.local}@{alias}"                      # "what came under an alias keeps it"
        return f"{self.local}@{self.world.aliases[0]}"          # "the domain's first alias"

    def came_as(self, address):
        """R7: the address that the mail came with."""
        def norm(text):
            local, domain = split(text)
            return (local if self.world.case_sensitive else local.lower(), domain.lower())
        return norm(address) == norm(self.letter.recipient)

    # -- Verdicts -----------------------------------------------------------------------------------------------------------

    def refuse(self, stage, code, status, *rules):
        self.cite(*rules)
        return Decision("defer" if code < 500 else "reject", stage, code=code, status=status, rules=self.rules)

    def route(self, stage, hop, out, *rules):
        self.cite(*rules)
        return Decision("route", stage, hop=hop, out=out, rules=self.rules)

    # -- The ways, in the order of the rules ------------------------------------------------------------------------------

    def decide(self):
        if not self.domain:                          # RFC 5321 4.1.1.3 <Postmaster>
            if self.world.empty:
                return self.refuse("postmaster", 550, "5.1.1", "R1")
            # UNCLEAR, the page is silent: the postmaster of the first domain of the config.
            self.domain = D
            self.letter = Letter(self.letter.client, f"{self.local}@{D}", self.letter.listener, self.letter.identity)
        refusal = self.relay_access()
        if refusal:
            return refusal
        ours = self.domain_of_ours(self.domain)
        return self.ours(*ours) if ours else self.elsewhere()

    def relay_access(self):
        if self.letter.listener == "submission" and not self.may_relay():
            return self.refuse("relay_access", 530, "5.7.0", "R3")          # "for every sender not in the allowlist"
        if self.may_relay():
            self.cite("R2")
            return None
        if not self.domain_of_ours(self.domain):
            return self.refuse("relay_access", 550, "5.7.1", "R2", "R1")
        # UNCLEAR what "open no way round" does to a recipient of ours: X relays whatever comes from G, and may read the
        # local part as a route, so a stranger's is refused as relaying is.
        if routed_local_part(self.local):
            return self.refuse("relay_access", 550, "5.7.1", "R2")
        self.cite("R1")                                                      # "accepted from anyone"
        return None

    def ours(self, main, is_alias):
        world = self.world
        origins = self.origin()
        alias = self.domain if is_alias else ""
        bound = False
        if is_alias:
            self.cite("R4")
            if world.independent:
                bound = True                                                 # R4: "bound to the mailboxes next hop"
            else:
                # R4: "T is replaced by D before anything else". UNCLEAR whether R4a's "what came under an alias keeps
                # it" still holds for it: read as replaced for good, V gets the first alias.
                alias = ""
        if not bound and main == D and world.cutover != NONE:
            if world.cutover == DOWN:
                # UNCLEAR, R5 is silent: as in R9, "451 4.4.3, never a guess".
                return self.refuse("cutover", 451, "4.4.3", "R5", "R9")
            if self.listed(CUTOVER, main):
                self.cite("R5", "R8a")
                bound = True                                                 # R5: "straight to V"
        if not bound:
            decision = self.by_domain(main, origins)
            if decision:
                return decision
        return self.to_v(main, alias, origins)

    def by_domain(self, main, origins):
        """R6 and R10: what sends a recipient of ours elsewhere by its domain."""
        world = self.world
        via = self.route_for(main)
        if via:
            self.cite("R6")
            if via not in origins:
                return self.route("custom_route", via, f"{self.local}@{main}")
            self.cite("R7")                                # "D's route to X is passed over for it"
        if "vk" in origins and world.internal:             # R10: "mail that comes from V"
            self.cite("R10")
            hops = self.gateway(world.internal, origins)
            if hops:
                return self.route("internal_gateway", hops[0], f"{self.local}@{main}")
        return None

    def to_v(self, main, alias, origins):
        """R8, R9 and the mailboxes: whatever of ours is left is bound for V."""
        presence = self.presence(main)
        if self.validate:
            self.cite("R8", "R8a")
            if presence == "unknown":
                return self.refuse("address_validation", 550, "5.1.1")
            if presence == "unavailable":
                return self.refuse("address_validation", 451, "4.4.3")
        if self.world.redirect:
            self.cite("R9", "R8a")
            if presence == "unavailable":
                return self.refuse("unknown_recipient", 451, "4.4.3")
            if presence == "unknown":
                if self.world.redirect in origins:
                    return self.refuse("unknown_recipient", 550, "5.1.1", "R7")   # "unless the mail came from there"
                return self.route("unknown_recipient", self.world.redirect, f"{self.local}@{main}")
        out = self.address_for_v(main, alias)
        if "vk" in origins:                                # V is the mailboxes next hop of every domain here
            self.cite("R7")
            if self.came_as(out):
                return self.refuse("split_horizon", 554, "5.4.6")            # R7: "is a loop: 554 5.4.6"
        return self.route("mailboxes", "vk", out)

    def gateway(self, hops, origins):
        """R7a: the hops of a gateway list that may get mail from these."""
        # UNCLEAR for a list of several DLPs: read as one DLP, none of which sees the mail again. X is none: the others stay.
        if origins & set(hops):
            self.cite("R7", "R7a")
        if origins & set(hops) & self.filters():
            return []
        return [hop for hop in hops if hop not in origins]

    def elsewhere(self):
        origins = self.origin()
        address = self.letter.recipient
        via = self.route_for(self.domain)
        if via:
            self.cite("R6", "R8a")
            if via not in origins:
                return self.route("custom_route", via, address)
            self.cite("R7")
        if self.world.external:
            self.cite("R11")
            hops = self.gateway(self.world.external, origins)
            if hops:
                return self.route("external_gateway", hops[0], address)
        return self.route("dns_mx", f"mx:{self.domain}", address, "R12")


def decide(world, letter):
    return Oracle(world, letter).decide()


def is_traced(world, letter, decision):
    """R13: the trace field goes on "mail for X and V, never to mail for other domains": also where X takes it outside."""
    ours = Oracle(world, letter).domain_of_ours(split(decision.out)[1])
    return decision.kind == "route" and decision.hop in ("exchange", "vk") and ours is not None
