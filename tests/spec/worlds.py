# SPDX-License-Identifier: Apache-2.0
"""The configs of the table, as files that the gateway reads: the keys are those of docs/examples/coexistence.toml."""

import itertools
from dataclasses import replace

from oracle import BRANCH, CUTOVER, D, DIRECTORY, DOWN, HOSTS, NONE, T, UP, World

LISTENERS = {"mx": "mx", "exchange": "mx", "submission": "submission"}     # name -> role
BEHAVES = {"exchange": "exchange", "vk": "vk_workspace", "dlp": "relay", "dlp2": "relay", "partner": "final"}


def quoted(names):
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def toml(world, folder):
    """The config file of `world`; `folder` has mailboxes.txt and cutover.txt, and no file that "down" names."""
    listeners = "".join(
        f'[[listener]]\nname = "{name}"\nbind = "127.0.0.1:0"\nrole = "{role}"\ntls = "none"\n'
        + (f'from = "{world.listener_from}"\n' if name == "exchange" and world.listener_from and not world.empty else "")
        for name, role in LISTENERS.items())
    head = 'hostname = "gw.company.ru"\n'
    routing = f'[routing]\nindependent_aliases = {str(world.independent).lower()}\nmax_hops = {world.max_hops}\n' \
              f'max_own_passes = {world.max_own_passes}\ntrace_key = "a key of thirty-two octets or more"\n'
    if world.empty:
        return head + listeners + routing
    hops = ""
    for name, hosts in HOSTS.items():
        hops += f'[[next_hop]]\nname = "{name}"\nhosts = {quoted(hosts)}\nbehaves = "{BEHAVES[name]}"\n'
        if name == "exchange" and world.sources:
            hops += f"sources = {quoted(world.sources)}\n"
    cutover = {UP: f'cutover = "{folder}/cutover.txt"\n', DOWN: f'cutover = "{folder}/no-cutover.txt"\n', NONE: ""}
    directory = {UP: f'directory = "file:{folder}/mailboxes.txt"\n', DOWN: f'directory = "file:{folder}/no-mailboxes.txt"\n',
                 NONE: ""}
    domain = f'[[domain]]\nname = "{D}"\naliases = {quoted(world.aliases)}\nmailboxes = "vk"\n' \
             f'deliver_as = "{world.deliver_as}"\n' + cutover[world.cutover]
    if not world.aliases:
        domain = domain.replace('deliver_as = "alias"\n', "")          # R4a: such a domain is "main"
    domain += f'[[domain]]\nname = "{BRANCH}"\nmailboxes = "vk"\n'
    routes = "".join(f'[[route]]\ndomains = ["{pattern}"]\nvia = "{via}"\n' for pattern, via in world.routes)
    recipients = f'[recipients]\nvalidate = {str(world.validate).lower()}\ndelimiter = "{world.delimiter}"\n' \
                 f'case_sensitive = {str(world.case_sensitive).lower()}\n' + directory[world.directory]
    if world.redirect:
        recipients += f'unknown_redirect = "{world.redirect}"\n'
    gateways = f"[gateways]\ninternal = {quoted(world.internal)}\nexternal = {quoted(world.external)}\n"
    relay = '[relay]\nallow_without_auth = ["10.0.0.5", "10.0.1.0/24", "10.0.2.20/31", "10.0.3.30", "2001:db8:7::/48"]\n'
    return head + listeners + relay + hops + domain + routes + recipients + gateways + routing


def write_lists(folder):
    (folder / "mailboxes.txt").write_text("".join(f"{line}\n" for line in DIRECTORY))
    (folder / "cutover.txt").write_text("".join(f"{line}\n" for line in CUTOVER))


def every_setting():
    """All of these against all of those."""
    routed = World().routes
    for independent, validate, redirect, deliver_as, internal, external, routes in itertools.product(
            (True, False), (False, True), ("exchange", ""), ("alias", "main"), ((), ("dlp",)), ((), ("dlp",)),
            (routed, routed[1:])):
        yield World(independent, validate, redirect, deliver_as, internal, external, routes)


def every_outage():
    """A directory and a cut-over list that are down, or not there at all."""
    base = World()
    for independent, validate, redirect, routes in itertools.product(
            (True, False), (False, True), ("exchange", ""), (base.routes, base.routes[1:])):
        for directory, cutover in ((DOWN, UP), (DOWN, DOWN), (UP, DOWN), (NONE, UP), (NONE, NONE), (UP, NONE)):
            yield replace(base, independent=independent, validate=validate, redirect=redirect, routes=routes,
                          directory=directory, cutover=cutover)


def special():
    """Settings that stand for themselves."""
    base = World()
    yield World(empty=True, routes=(), external=(), redirect="")                           # R1
    yield replace(base, environment="1")                                                  # R8
    yield replace(base, validate=True, environment="0")
    for routes in ((("*", "exchange"),), (("*", "partner"), ("*.company.ru", "dlp")), (("*", "exchange"), (D, "partner")),
                   (("*.com", "partner"), ("*.corp.com", "dlp2"), ("x.corp.com", "exchange"))):
        yield replace(base, routes=routes)                                                # R6
        yield replace(base, routes=routes, external=())
    for independent in (True, False):
        yield replace(base, routes=((T, "partner"), (D, "exchange")), independent=independent)   # R4: a route of T's own
    for external in (("exchange",), ("dlp", "dlp2"), ("exchange", "dlp"), ("partner",)):
        yield replace(base, external=external)                                            # R11, R7a
        yield replace(base, external=external, internal=("dlp", "dlp2"), routes=())       # R10
    for deliver_as in ("alias", "main"):
        yield replace(base, aliases=(T,), deliver_as=deliver_as)
    for routes in (base.routes, ()):
        yield replace(base, aliases=(), routes=routes)                                    # R4a
    yield replace(base, case_sensitive=True)                                              # R8a
    yield replace(base, case_sensitive=True, deliver_as="main")
    yield replace(base, delimiter="-")
    yield replace(base, delimiter="")
    yield replace(base, redirect="dlp")                                                   # R9
    yield replace(base, redirect="dlp", external=())                                      # no gateway: no DLP either
    for routes in (((D, "dlp"),), ((D, "vk"),), ((D, "vk"), ("*", "exchange"))):          # D led elsewhere than to X
        yield replace(base, routes=routes)
        yield replace(base, routes=routes, deliver_as="main")
    for internal in (("exchange",), ("vk",), ("vk", "dlp"), ("partner",)):
        yield replace(base, internal=internal, routes=())
        yield replace(base, internal=internal, routes=(), deliver_as="main")
    yield replace(base, external=("vk",))
    yield replace(base, sources=("10.0.9.9", "10.0.0.7"))                                 # R7
    yield replace(base, sources=("10.0.0.5", "203.0.113.9"))
    yield replace(base, listener_from="")                                                 # R7a
    yield replace(base, listener_from="vk")
    yield replace(base, listener_from="vk", internal=("dlp",), routes=())
    yield replace(base, listener_from="vk", deliver_as="main")


def all_worlds():
    """Each once, in a fixed order."""
    return list(dict.fromkeys(itertools.chain(every_setting(), every_outage(), special())))
