# SPDX-License-Identifier: Apache-2.0
"""Letters followed from their sender until they rest: G as the oracle has it, X, V, E and the DLP as mail-flow.md has them.

Each stay at G is a row of the table; where all of them rest is compared with the scenarios' "must happen" right here.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

from oracle import D, HOSTS, T, Letter, World, decide, is_traced, split

X_KEEPS = {"i.ivanov", "p.petrov", "postmaster"}          # i.ivanov is migrated, p.petrov is not
X_FORWARDS = {"i.ivanov"}
V_KEEPS = {"i.ivanov", "v.vetrov", "n.new"}
LIMIT = 12                                                # stays at G after which a letter circles


@dataclass(frozen=True)
class Site:
    """How X behaves on this site."""
    x_client: str = "10.0.0.5"
    x_listener: str = "mx"
    x_strips: bool = False         # R13: a custom send connector strips Received
    x_sends_d: bool = False        # S9: X sends all of D to G
    breaks_trace: bool = False     # R13: somebody on the way breaks the trace field


@dataclass
class Stay:
    """One stay at G."""
    letter: Letter
    received: int
    trace: str
    decision: object
    refused: bool                  # R13, once the header is there: 554 5.4.6


@dataclass
class Walk:
    world: World
    site: Site = Site()
    received: int = 1
    stays: list = field(default_factory=list)
    kept: Counter = field(default_factory=Counter)        # (where, user) -> copies
    refusals: list = field(default_factory=list)
    passes: Counter = field(default_factory=Counter)      # R13: mailbox -> times G has sent it to X or V

    # -- Senders ----------------------------------------------------------------------------------------------------------

    def from_e(self, recipient):
        """S1: the MX of D is X; that of T is G."""
        self.to_x(recipient) if split(recipient)[1] == D else self.at_g("203.0.113.9", "mx", recipient)
        return self

    def from_x(self, recipient):
        """A user of X: what X keeps stays there."""
        self.to_x(recipient)
        return self

    def from_v(self, recipient):
        """S3 to S5: V hands over whatever is not at home under T."""
        local, domain = split(recipient)
        if domain == T and local in V_KEEPS:
            self.kept["V", local] += 1
        else:
            self.at_g(HOSTS["vk"][0], "mx", recipient)
        return self

    def stranger(self, recipient):
        self.at_g("203.0.113.9", "mx", recipient)
        return self

    # -- Servers ----------------------------------------------------------------------------------------------------------

    def at_g(self, client, listener, recipient):
        if len(self.stays) >= LIMIT:
            self.refusals.append("circles")
            return
        letter = Letter(client, recipient, listener)
        decision = decide(self.world, letter)
        mailbox = self.mailbox(decision.out)
        trace = "forge" if self.site.breaks_trace and self.passes[mailbox] else "keep"
        if trace == "forge":
            self.passes.clear()                           # R13: "a forged or broken trace field counts as none"
        refused = decision.kind == "route" and (self.received > self.world.max_hops or     # R13: "more than"
                                                self.passes[mailbox] >= self.world.max_own_passes)
        self.stays.append(Stay(letter, self.received, trace, decision, refused))
        if decision.kind != "route" or refused:
            self.refusals.append("554 5.4.6" if refused else f"{decision.code} {decision.status}")
            return
        self.received += 1                                # R16: one Received field
        if is_traced(self.world, letter, decision):
            self.passes[mailbox] += 1
        {"exchange": self.to_x, "vk": self.to_v, "dlp": self.to_dlp}.get(decision.hop, self.to_e)(decision.out)

    def to_x(self, recipient):
        local, domain = split(recipient)
        self.received = 1 if self.site.x_strips else self.received + 1
        if domain == D and local in X_KEEPS and not self.site.x_sends_d:
            self.kept["X", local] += 1
            if local in X_FORWARDS:
                self.at_g(self.site.x_client, self.site.x_listener, f"{local}@{T}")        # S2: a copy to U@T
        elif domain in (D, T):
            self.at_g(self.site.x_client, self.site.x_listener, recipient)   # S6: Internal Relay; T's connector leads to G
        else:
            self.kept["E", local] += 1                    # S5: "V to G to X to E; X keeps nothing"

    def to_v(self, recipient):
        local, domain = split(recipient)
        self.received += 1
        at_home = (D, T) if self.world.deliver_as == "main" else (T,)        # R4a
        if domain in at_home:
            self.kept["V" if local in V_KEEPS else "bounce of V", local] += 1
        else:
            self.at_g(HOSTS["vk"][0], "mx", recipient)    # R4a: V has its own route for D

    def to_dlp(self, recipient):
        self.received += 1
        self.at_g(HOSTS["dlp"][0], "mx", recipient)

    def to_e(self, recipient):
        self.kept["E", split(recipient)[0]] += 1

    @staticmethod
    def mailbox(address):
        """R13: the trace is for the recipient's mailbox: U@D and U@T are one; elsewhere there is none."""
        local, domain = split(address)
        return local.split("+")[0] if domain in (D, T) else ""


def must(walk, name, kept, refusals=(), stays=None):
    """The scenario's "must happen"."""
    found = {f"{where} {user}": copies for (where, user), copies in walk.kept.items()}
    if found != kept or tuple(walk.refusals) != refusals or stays not in (None, len(walk.stays)):
        raise AssertionError(f"{name}: rests at {found} with {walk.refusals} after {len(walk.stays)} stays at G, "
                             f"not at {kept} with {refusals} after {stays}: {walk.world}, {walk.site}")


def scenarios(world, site=Site()):
    """(rules, walk) of S1 to S8 in one world, each judged where the world has what the scenario takes for granted."""
    def walk():
        return Walk(world, site)
    x_by_route = world.routes[0] == (D, "exchange")
    in_x, in_v = {"X i.ivanov": 1}, {"V i.ivanov": 1}
    must(walk().from_e("p.petrov@company.ru"), "S1", {"X p.petrov": 1}, stays=0)
    must(walk().from_x("p.petrov@company.ru"), "S1", {"X p.petrov": 1}, stays=0)
    out = [("S2", walk().from_e("i.ivanov@company.ru")), ("S2", walk().from_x("i.ivanov@company.ru")),
           ("S3", walk().from_v("p.petrov@company.ru")), ("S4", walk().from_v("i.ivanov@company.ru")),
           ("S5", walk().from_v("sales@example.org")), ("S6", walk().from_x("n.new@company.ru")),
           ("S7", walk().from_e("p.petrov@tech.company.ru")), ("S7", walk().from_v("p.petrov@tech.company.ru")),
           ("S7", walk().from_x("ghost@company.ru")), ("S7", walk().from_v("ghost@company.ru")),
           ("S7", walk().from_e("ghost@tech.company.ru")), ("S8", walk().stranger("sales@example.org")),
           ("R5", walk().from_v("v.vetrov@company.ru")), ("R5", walk().from_e("v.vetrov@company.ru"))]
    for _, one in out[:2]:
        must(one, "S2", {**in_x, **in_v}, stays=1)
    if x_by_route:
        must(out[2][1], "S3", {"X p.petrov": 1}, stays=1)
        must(out[3][1], "S4", {**in_x, **in_v}, stays=2)
    must(out[4][1], "S5", {"E sales": 1}, stays=2 if world.external == ("dlp",) else 1)
    must(out[5][1], "S6", {"V n.new": 1}, stays=1)
    if world.validate:
        must(out[6][1], "S7 with R8", {"X p.petrov": 1} if x_by_route and not world.independent else {},
             () if x_by_route and not world.independent else ("550 5.1.1",))
    elif world.redirect:
        for one in (out[6][1], out[7][1]):
            must(one, "S7", {"X p.petrov": 1}, stays=1 if world.independent or not world.internal else None)
        must(out[8][1], "S7 from X", {}, ("550 5.1.1",), stays=1)
        for one in (out[9][1], out[10][1]):                # X, which does not know it either, asks G: 550 5.1.1
            must(one, "S7 unknown everywhere", {}, ("550 5.1.1",))
    must(out[11][1], "S8", {}, ("550 5.7.1",), stays=1)
    if world.deliver_as == "alias" and world.cutover == "up":
        must(out[12][1], "R5", {"V v.vetrov": 1}, stays=1)
    return out


def loops():
    """S9 and R13: X and G send D to each other, and G does not see that it is X."""
    world = World()
    blind = Site(x_client="198.51.100.7", x_sends_d=True)
    for site in (blind, replace(blind, x_strips=True)):
        for own in (2, 1, 3):
            walk = Walk(replace(world, max_own_passes=own), site).stranger("ghost@company.ru")
            must(walk, "S9", {}, ("554 5.4.6",), stays=own + 1)          # "the third pass is refused"
            yield "S9 R13", walk
    forged = Walk(world, replace(blind, breaks_trace=True)).stranger("ghost@company.ru")
    yield "R13", forged                                                  # counting Received ends it
    must(forged, "R13 forged", {}, ("circles",) if len(forged.stays) == LIMIT else ("554 5.4.6",))
    yield "R13 S4", Walk(replace(world, max_own_passes=1)).from_v("i.ivanov@company.ru")
    for received, refusals in ((25, ()), (26, ("554 5.4.6",))):
        for recipient in ("p.petrov@company.ru", "i.ivanov@tech.company.ru"):
            walk = Walk(world, received=received).stranger(recipient)
            must(walk, "R13 max_hops", {} if refusals else dict.fromkeys(
                ["X p.petrov"] if "petrov" in recipient else ["V i.ivanov"], 1), refusals, stays=1)
            yield "R13", walk
        yield "R13 R12", Walk(replace(world, external=()), received=received).from_v("sales@example.org")
    yield "R13", Walk(replace(world, max_hops=5), received=5).stranger("p.petrov@company.ru")
    yield "R13", Walk(replace(world, max_hops=5), received=6).stranger("p.petrov@company.ru")
