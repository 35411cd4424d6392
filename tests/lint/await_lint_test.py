#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tools/await_lint.py flags and what it leaves alone.

Usage: await_lint_test.py SOURCE_DIR
"""
import pathlib
import subprocess
import sys
import tempfile

# A piece of code, and what the line that flags it says; None: nothing is wrong with it.
CASES = {
    'a condition': ('if (co_await f()) g();', 'in a condition'),
    'a name first': ('const bool is_so = co_await f();\nif (is_so) g();', None),
    'a braced argument': ('co_await f(Params{1, 2});', 'braced argument'),
    'in a comment': ('// if (co_await f()) is wrong\ng();', None),

    'a section over a wait': (
        'net::Awaitable<void> f() {\n  const ReadSection reading;\n  co_await g();\n}',
        ':2: ReadSection over a co_await'),
    'a wait in a block inside': (
        'net::Awaitable<void> f() {\n  const ReadSection reading;\n  for (;;) {\n    co_await g();\n'
        '  }\n}',
        ':2: ReadSection over a co_await'),
    'with braces': ('net::Awaitable<void> f() {\n  ReadSection reading{};\n  co_await g();\n}',
                    ':2: ReadSection over a co_await'),
    'an optional one': (
        'net::Awaitable<void> f() {\n  std::optional<ReadSection> reading;\n  co_await g();\n}',
        ':2: ReadSection over a co_await'),
    'behind a brace in quotes': (
        "net::Awaitable<void> f() {\n  const ReadSection reading;\n  out += '}';\n  co_await g();\n}",
        ':2: ReadSection over a co_await'),
    'of another namespace': (
        'net::Awaitable<void> f() {\n  const postern::ReadSection reading;\n  co_yield 1;\n}',
        ':2: ReadSection over a co_await'),
    'the second of two': (
        'net::Awaitable<void> f() {\n  { const ReadSection a; g(); }\n  const ReadSection b;\n'
        '  co_await g();\n}', ':3: ReadSection over a co_await'),

    'a section that has ended': (
        'net::Awaitable<void> f() {\n  {\n    const ReadSection reading;\n    g();\n  }\n'
        '  co_await g();\n}', None),
    'a wait before it': (
        'net::Awaitable<int> f() {\n  co_await g();\n  const ReadSection reading;\n'
        '  co_return h();\n}',
        None),
    'a wait in the next function': (
        'int f() {\n  const ReadSection reading;\n  return h();\n}\n'
        'net::Awaitable<void> k() {\n  co_await g();\n}', None),
    'one that is lent': ('void f(const ReadSection& reading);\nnet::Awaitable<void> k() {\n'
                         '  co_await g();\n}', None),
    'its wait for readers': (
        'net::Awaitable<void> f() {\n  ReadSection::wait_for_readers();\n  co_await g();\n}', None),
    'its definition': ('class ReadSection {\n  ReadSection();\n'
                       '  ReadSection(const ReadSection&);\n};\nnet::Awaitable<void> f() {\n  co_await g();\n}', None),
}


def main(source_dir):
    lint = pathlib.Path(source_dir) / 'tools' / 'await_lint.py'
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / 'code.cc'
        for name, (code, says) in CASES.items():
            path.write_text(code + '\n', encoding='utf-8')
            run = subprocess.run([sys.executable, lint, path], capture_output=True, text=True)
            flags = run.stdout.splitlines()
            right = (run.returncode, flags) == (0, []) if says is None else \
                run.returncode == 1 and len(flags) == 1 and says in flags[0]
            if not right or run.stderr:
                print(f'{name}: wanted {says!r}, got {run.returncode} {flags} {run.stderr}')
                failed += 1
    print(f'{len(CASES) - failed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main(sys.argv[1]))
