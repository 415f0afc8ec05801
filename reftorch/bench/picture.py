"""The roofline: operations per second that a case reaches, over operations per byte that it moves.

The slanted lines are the bandwidths of the memories, the horizontal line is the peak. No point can lie above the line that limits it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reftorch.serialize import write_whole

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#555555", "#a63603", "#000000")
FORWARD, BACKWARD = "o", "v"


def draw_roofline(run: dict[str, Any], path: Path) -> None:
    """Write the picture to `path`; the file's extension chooses the format.

    Raises:
        FileError: `path` cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in run["rows"] if row["share"] is not None and row["direction"] != "both"]
    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    draw_roofs(axes, run["limits"], [row["operations"] / row["bytes"] for row in rows])
    names = list(dict.fromkeys(row["component"] for row in rows))
    for colour, component in zip(_colours(len(names)), names, strict=True):
        for marker, backward in ((FORWARD, False), (BACKWARD, True)):
            chosen = [r for r in rows if r["component"] == component and (r["direction"] == "backward") == backward]
            if chosen:
                x = [row["operations"] / row["bytes"] for row in chosen]
                y = [row["operations"] / row["seconds"]["median"] / 1e9 for row in chosen]
                label = component if not backward else "_"
                axes.scatter(x, y, s=30, marker=marker, color=colour, alpha=0.75, label=label, linewidths=0, zorder=3)
    axes.scatter([], [], marker=BACKWARD, color="black", label="backward")
    axes.set(xscale="log", yscale="log")
    axes.set_xlabel("operations for each byte that must be moved")
    axes.set_ylabel("billion operations (multiply-adds) a second")
    where = run["machine"]["gpu"] or f"{run['machine']['processor']}, {run['threads']} thread" + "s" * (
        run["threads"] > 1
    )
    axes.set_title(f"{run['kernels']} kernels on {where}, {run['date'][:10]}", loc="left")
    axes.grid(alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, ncols=1 + len(names) // 25, fontsize="small")
    write_whole(path, lambda draft: figure.savefig(draft, dpi=130))


def _colours(count: int) -> list:
    """A colour for each component: Matplotlib's default colours if there are enough, otherwise colours from a rainbow."""
    from matplotlib import colormaps

    return list(COLOURS[:count]) if count <= len(COLOURS) else [colormaps["turbo"](i / count) for i in range(count)]


def draw_roofs(axes: Any, limits: dict[str, Any], intensities: list[float]) -> None:
    """The peak, and one slanted line for each memory up to where it meets the peak."""
    line = dict(color="#999999", linewidth=1, zorder=1)
    text = dict(textcoords="offset points", fontsize=8, color="#555555")
    behind = dict(bbox=dict(facecolor="white", edgecolor="none", pad=1))
    peak = limits["peak"]
    low, high = min([*intensities, 0.02]) / 2, max([*intensities, 100.0]) * 2
    for number, level in enumerate(limits["levels"]):
        pace, at = level["bandwidth"], 2 * low * 4**number  # labels side by side: lines may be close
        axes.plot([low, peak / pace], [low * pace / 1e9, peak / 1e9], **line)
        words = f"{level['name']} {pace / 1e9:.0f} GB/s"
        axes.annotate(words, (at, at * pace / 1e9), xytext=(0, 0), ha="center", va="center", zorder=2, **behind, **text)
    nearest = max(level["bandwidth"] for level in limits["levels"])
    axes.plot([peak / nearest, high], [peak / 1e9, peak / 1e9], **line)
    words = f"peak {peak / 1e9:.0f} billion multiply-adds a second"
    axes.annotate(words, (high, peak / 1e9), xytext=(-2, 4), ha="right", **text)
