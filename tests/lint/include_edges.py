#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The architecture as a test: which folder may include which. An edge that is not in the table fails.

Usage: include_edges.py SOURCE_DIR
"""
import pathlib
import re
import sys

# A folder and what it may include besides itself; docs/architecture.md draws the same picture.
ALLOWED = {
    'base': set(),
    'plugin': set(),
    'smtp': {'base'},
    'auth': {'base'},
    'tls': {'base'},
    'dns': {'base'},
    'mta_sts': {'base', 'dns'},
    'tls_report': {'base'},
    'smtp/session': {'base', 'auth', 'smtp', 'tls'},
    'routing': {'base', 'smtp'},
    'directories': {'base', 'smtp', 'routing'},
    'queue/spool': {'base', 'smtp'},
    'queue/dsn': {'base', 'smtp'},
    'queue': {'base', 'auth', 'smtp', 'smtp/session', 'tls', 'dns', 'routing', 'queue/spool', 'queue/dsn'},
    'gateway': {'base', 'auth', 'smtp', 'smtp/session', 'tls', 'dns', 'routing', 'directories', 'queue', 'queue/spool', 'mta_sts', 'tls_report',
                'plugin'},
    'mailtools/talk': {'base', 'auth', 'smtp', 'smtp/session', 'tls'},
    'mailtools/send': {'base', 'smtp', 'tls', 'dns', 'mailtools/talk'},
    'mailtools/sink': {'base', 'auth', 'smtp', 'smtp/session', 'tls'},
    'mailtools/load': {'base', 'auth', 'smtp', 'smtp/session', 'tls', 'mailtools/sink'},
    'mailtools/verify': {'base', 'smtp', 'tls', 'dns', 'routing', 'gateway', 'mailtools/talk'},
    'tools': {'mailtools/send', 'mailtools/sink', 'mailtools/load', 'mailtools/verify', 'base', 'auth', 'smtp', 'smtp/session', 'tls', 'dns', 'routing', 'directories', 'queue', 'queue/spool', 'gateway'},
}
# The pure protocol knows no sockets, no TLS, no clock that runs by itself.
FORBIDDEN_IN = {'smtp': re.compile(r'#include <(boost/asio|openssl|ares)')}
INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.M)


def folder_of(path):
    """'smtp/session/x.h' -> 'smtp/session'; 'routing/stages/x.cc' -> 'routing'."""
    parts = pathlib.PurePosixPath(path).parts
    pair = '/'.join(parts[:2])
    return pair if pair in ALLOWED else parts[0]


def wrong_edges(root):
    checked = 0
    for folder in sorted({name.split('/')[0] for name in ALLOWED}):
        for path in sorted((root / folder).rglob('*')):
            if path.suffix not in ('.h', '.cc'):
                continue
            checked += 1
            here = folder_of(path.relative_to(root).as_posix())
            text = path.read_text(encoding='utf-8')
            for include in INCLUDE.findall(text):
                there = folder_of(include)
                if there != here and there not in ALLOWED[here]:
                    yield f'{path.relative_to(root)}: {here} may not include {there} ({include})'
            forbidden = FORBIDDEN_IN.get(here)
            for hit in forbidden.finditer(text) if forbidden else ():
                yield f'{path.relative_to(root)}: {here} may not include {hit.group()}'
    if checked == 0:
        yield f'no source below {root}: nothing was checked'


def main():
    found = list(wrong_edges(pathlib.Path(sys.argv[1])))
    print('\n'.join(found) or 'every include edge is allowed')
    return 1 if found else 0


sys.exit(main())
