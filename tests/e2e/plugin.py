# SPDX-License-Identifier: Apache-2.0
"""A plug-in built outside of the tree, against what `cmake --install` puts down: explain and a real letter go its way."""

import os
import shutil
import smtplib
import subprocess
import sys
import tempfile
from pathlib import Path

from gateway import REPOSITORY, Gateway, executable
from ports import EXCHANGE, WORKSPACE, free_port
from process import expect
from sink import Sink
from tally import Tally

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"
[[listener]]
name = "mx"
bind = "127.0.0.1:0"
[[next_hop]]
name = "vk"
hosts = ["{vk}"]
[[next_hop]]
name = "board"
hosts = ["{board}"]
behaves = "final"
[[domain]]
name = "company.ru"
mailboxes = "vk"
[[plugin]]
path = "{plugin}"
options = {{ next_hop = "{next_hop}" }}
[routing]
stages = ["loop_guard", "relay_access", "vip", "mailboxes", "dns_mx"]
"""

# Today's header with another version: what is built against a later postern.
OTHER_VERSION = "inline constexpr std::uint32_t kAbi = 1;"


def run(*command: str | Path, status: int | None = 0) -> str:
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=300)
    if status is not None:
        expect(done.returncode == status, f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def build_plugin(root: Path, prefix: Path) -> Path:
    source = root / "source"
    shutil.copytree(REPOSITORY / "docs" / "examples" / "plugin", source)
    run("cmake", "-S", source, "-B", root / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
        "-DCMAKE_CXX_COMPILER=clang++-16", "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", root / "build")
    return root / "build" / "vip.so"


def build_for_another_version(root: Path, prefix: Path) -> Path:
    later = root / "later"
    shutil.copytree(prefix / "include", later / "include")
    header = later / "include" / "postern" / "plugin.h"
    text = header.read_text()
    expect(OTHER_VERSION in text, "the header's version is not where this test looks for it")
    header.write_text(text.replace(OTHER_VERSION, OTHER_VERSION.replace("1;", "7;")))
    (root / "other").mkdir()
    return build_plugin(root / "other", later)


def config_with(root: Path, plugin: Path, vk: str, board: str, next_hop: str = "board") -> str:
    return CONFIG.format(data=root / "data", plugin=plugin, vk=vk, board=board, next_hop=next_hop)


def letters_go_its_way(root: Path, plugin: Path) -> None:
    vk = Sink(root / "vk", WORKSPACE, free_port(WORKSPACE)).start()
    board = Sink(root / "board", EXCHANGE, free_port(EXCHANGE)).start()
    gateway = Gateway("gateway", root / "gateway", config_with(
        root / "gateway", plugin, f"{vk.address}:{vk.port}", f"{board.address}:{board.port}"))
    try:
        gateway.start()
        answer = gateway.explain("203.0.113.9", "nina@corp.com", "board.olga@company.ru")
        expect(answer["next_hop"] == "board", f"explain says {answer}")
        step = next(s for s in answer["trace"] if s["stage"] == "vip")
        expect(step == {"stage": "vip", "verdict": "route", "reason": "for the board: next hop board"},
              f"the stage says {step}")
        with smtplib.SMTP(*gateway.endpoints["mx"], timeout=20) as client:
            client.sendmail("nina@corp.com", ["board.olga@company.ru", "anna@company.ru"], b"Subject: x\r\n\r\nx\r\n")
        expect(board.wait_for(1, 20) and vk.wait_for(1, 20), "the letter did not arrive at both")
        expect(board.messages[0].recipients == ["board.olga@company.ru"], f"the board got {board.messages[0]}")
        expect(vk.messages[0].recipients == ["anna@company.ru"], f"the others got {vk.messages[0]}")
    finally:
        gateway.stop()
        vk.stop()
        board.stop()


def refused(root: Path, config: str, *parts: str) -> None:
    file = root / "refused.toml"
    file.write_text(config)
    for command in ("check", "serve"):
        said = run(executable(), command, "--config", file, status=2)
        for part in parts:
            expect(part in said, f"{command} does not say \"{part}\":\n{said}")


def main() -> int:
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="postern-plugin-") as folder:
        root = Path(folder)
        prefix = root / "prefix"
        plugin = root / "build" / "vip.so"

        def install() -> None:
            run("cmake", "--install", executable().parent, "--prefix", prefix)
            expect(os.access(prefix / "bin" / "postern", os.X_OK), "the executable was not installed")
            expect((prefix / "include" / "postern" / "plugin.h").is_file(), "the header was not installed")
            build_plugin(root, prefix)

        def other_version() -> None:
            other = build_for_another_version(root, prefix)
            refused(root, config_with(root, other, "127.0.0.2:2525", "127.0.0.3:2525"), "plugin-version", str(other),
                    "built for version 7", "this is version 1")

        cases = {
            "builds against what is installed": install,
            "explain and letters go its way": lambda: letters_go_its_way(root / "letters", plugin),
            "one for another version is refused": other_version,
            "one whose options are wrong is refused": lambda: refused(
                root, config_with(root, plugin, "127.0.0.2:2525", "127.0.0.3:2525", "boad"), "plugin-fails",
                "option next_hop = \"boad\" is no next hop", "refused.toml:18:"),
            "one that is not there is refused": lambda: refused(
                root, config_with(root, root / "none.so", "127.0.0.2:2525", "127.0.0.3:2525"), "missing-plugin"),
        }
        tally.play(cases)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
