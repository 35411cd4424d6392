# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG: bars of rates for each axis, bars of processor time, and waiting times by percentile."""

import math
from html import escape

from . import figures
from .points import AXES, BASE, CORNERS
from .relays import DIRECT
from .targets import number

CPU = "cpu.svg"
WAITING = ("waiting-50.svg", "waiting-80.svg")
_WIDTH, _HEIGHT = 860, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 50, 96
_COLOURS = {"postfix": "#8c6bb1", "exim": "#b07d3c", "opensmtpd": "#c9a227", "opensmtpd-sync": "#e0c65a", "haraka": "#9aa0a6",
            "postern-queue": "#0b6e4f", "postern-auto": "#2a9d8f", "postern-cut_through": "#7fc8a9"}
_PERCENTILES = (("p50", "50 %"), ("p99", "99 %"), ("p99_9", "99.9 %"))


def name_of(axis: str) -> str:
    return f"rate-{axis}.svg"


class Scale:
    """Logarithmic, from a power of ten to a power of ten; y in pixels grows downwards."""

    def __init__(self, values: list[float]):
        known = [value for value in values if value > 0]
        # The lowest value stands above the ground.
        self.low = math.floor(math.log10(min(known) / 1.3)) if known else 0
        self.high = max(math.ceil(math.log10(max(known))) if known else 1, self.low + 1)

    def y(self, value: float) -> float:
        share = (math.log10(max(value, 10.0 ** self.low)) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)

    def ticks(self) -> list[float]:
        return [10.0 ** power for power in range(self.low, self.high + 1)]


def _text(x: float, y: float, text: str, anchor: str = "middle", size: int = 12, colour: str = "#222222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(text)}</text>'


def _frame(title: str, unit: str, scale: Scale) -> list[str]:
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">',
             f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>', _text(_LEFT, 22, title, "start", 15),
             _text(_LEFT, 40, unit, "start", 12, "#555555")]
    for tick in scale.ticks():
        y = scale.y(tick)
        lines += [f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>',
                  _text(_LEFT - 8, y + 4, f"{tick:,.0f}" if tick >= 1 else f"{tick:g}", "end")]
    return lines


def _legend(names: list[str]) -> list[str]:
    lines, x, y = [], float(_LEFT), _HEIGHT - 40
    for name in names:
        width = 26 + 7.2 * len(name)
        if x + width > _WIDTH - _RIGHT:
            x, y = float(_LEFT), y + 20
        lines += [f'<rect x="{x:.1f}" y="{y - 10}" width="12" height="12" fill="{_COLOURS.get(name, "#444444")}"/>',
                  _text(x + 17, y, name, "start")]
        x += width
    return lines


def bars(title: str, unit: str, groups: list[tuple[str, dict[str, figures.Spread]]]) -> str:
    """A group of bars for each load, with a line from the lowest to the highest round."""
    names = [name for name in _COLOURS if any(name in values for _, values in groups)]
    scale = Scale([bound for _, values in groups for one in values.values() for bound in (one.lowest, one.highest)])
    lines = _frame(f"{title}", f"{unit}, logarithmic; the line is from the lowest to the highest round", scale)
    room = (_WIDTH - _LEFT - _RIGHT) / max(1, len(groups))
    width = min(40.0, 0.84 * room / max(1, len(names)))
    for number_, (label, values) in enumerate(groups):
        middle = _LEFT + room * (number_ + 0.5)
        lines.append(_text(middle, _HEIGHT - _BOTTOM + 18, label))
        for place, name in enumerate(names):
            if name not in values:
                continue
            one, x = values[name], middle + (place - len(names) / 2) * width
            y, centre = scale.y(one.median), x + width / 2
            lines += [f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{width - 2:.1f}" height="{_HEIGHT - _BOTTOM - y:.1f}" '
                      f'fill="{_COLOURS[name]}"><title>{escape(name)}, {escape(label)}: {number(one.median)}</title></rect>',
                      f'<line x1="{centre:.1f}" x2="{centre:.1f}" y1="{scale.y(one.lowest):.1f}" y2="{scale.y(one.highest):.1f}" '
                      'stroke="#222222"/>']
            if width >= 22:
                lines.append(_text(centre, scale.y(one.highest) - 5, number(one.median), size=10))
    return "\n".join([*lines, *_legend(names), "</svg>", ""])


def curves(title: str, unit: str, series: dict[str, list[float]]) -> str:
    """Waiting times by percentile, a line for each relay."""
    scale = Scale([value for values in series.values() for value in values])
    lines = _frame(title, f"{unit}, logarithmic", scale)
    step = (_WIDTH - _LEFT - _RIGHT) / len(_PERCENTILES)
    places = [_LEFT + step * (place + 0.5) for place in range(len(_PERCENTILES))]
    lines += [_text(x, _HEIGHT - _BOTTOM + 18, label) for x, (_, label) in zip(places, _PERCENTILES)]
    for name, values in series.items():
        spots = [(x, scale.y(value)) for x, value in zip(places, values)]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        colour = _COLOURS.get(name, "#444444")
        lines.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"><title>{escape(name)}: {number(value)} ms</title></circle>'
                  for (x, y), value in zip(spots, values)]
    return "\n".join([*lines, *_legend(list(series)), "</svg>", ""])


def _values(point: dict, figure: str) -> dict[str, figures.Spread]:
    found = {name: figures.of_system(point, name, figure) for name in point["systems"] if name != DIRECT}
    return {name: one for name, one in found.items() if one}


def _label(point: dict, axis: str) -> str:
    plain = {"size": "1 KB", "recipients": "1 recipient", "sessions": "20 sessions", "connections": "kept", "tls": "no TLS"}
    if point["name"] == BASE.name:
        return plain.get(axis, point["name"])
    return point["name"].removeprefix("size ")


def _place(point: dict, axis: str) -> float:
    """Along the axis, so that the base point stands between the others."""
    return point[axis] if axis in ("size", "recipients", "sessions") else 0.0


def render(results: dict) -> dict[str, str]:
    """By the name of the file."""
    found = {}
    base = figures.named(results, BASE.name)
    for axis in (*AXES, CORNERS):
        points = [point for point in results["points"] if point["axis"] == axis]
        if points:
            points += [base] if base and axis != CORNERS else []
            if axis != CORNERS:
                points = sorted([points[-1], *points[:-1]], key=lambda point: _place(point, axis))
            found[name_of(axis)] = bars(f"Messages a second, by {axis}", "drained",
                                        [(_label(point, axis), _values(point, figures.RATE)) for point in points])
    if base:
        sizes = [base] + [point for point in results["points"] if point["axis"] == "size"]
        found[CPU] = bars("Processor time for 1,000 messages", "seconds, user and system, all processes of the relay",
                          [(_label(point, "size"), _values(point, figures.CPU)) for point in sizes])
    for share, name in zip((0.5, 0.8), WAITING):
        series = {}
        for entry in results["latency"]:
            if entry["share"] == share and entry["of"] == entry["system"]:
                values = [figures.latency(results, entry["system"], share, entry["of"], "letter", key) for key, _ in _PERCENTILES]
                if all(values):
                    series[entry["system"]] = [one.median for one in values]
        if series:
            found[name] = curves(f"Waiting time at {share:.0%} of each relay's own capacity", "ms from when the message was due to the 250",
                                 series)
    return found
