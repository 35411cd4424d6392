# SPDX-License-Identifier: Apache-2.0
"""How many octets a message of smtp-source has: it puts a header before the body that it is asked for."""

import dataclasses
import subprocess

from hops import Hops
from one_run import Load, source_command


def octets_of(load: Load) -> int:
    with Hops() as hops:
        port = hops.add_slow(0)
        command = source_command(dataclasses.replace(load, sessions=1), port, 1)
        subprocess.run(command, check=True, timeout=30, stdin=subprocess.DEVNULL)
        return hops.octets
