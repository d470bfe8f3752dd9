"""Pictures drawn here, for whoever has no data: digits in several fonts, bent and shifted, and strokes. No real data.

Deterministic: the same seed gives the same pictures (the fonts are those that come with matplotlib).
"""

import numpy as np

from common.randomness import stream

COUNT = 10_000
FONTS = ("DejaVu Sans", "DejaVu Sans Mono", "DejaVu Serif", "STIXGeneral", "cmr10", "cmss10", "cmtt10")
SHEET = 56                                  # pixels of a digit before it is bent


def digits(count=COUNT, seed=0):
    """Digits 0 to 9 of seven fonts, each turned, sheared, scaled and shifted: (N, 28, 28) uint8 and labels (N,)."""
    rng = stream(seed, "digits")
    sheets = glyphs()
    labels, fonts = rng.integers(0, 10, count), rng.integers(0, len(FONTS), count)
    pixels = np.empty((count, 28, 28), dtype=np.uint8)
    for part in np.array_split(np.arange(count), max(1, count // 1000)):
        pixels[part] = bent(sheets[fonts[part], labels[part]], affine(rng, len(part)))
    return pixels, labels.astype(np.uint8)


def glyphs():
    """The ten digits of every font (fonts, 10, SHEET, SHEET) in 0 .. 255, centred."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath
    figure = Figure(figsize=(1, 1), dpi=SHEET, layout="none")           # whatever style is in use
    canvas, axes = FigureCanvasAgg(figure), figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.5, 0.5), ylim=(-0.5, 0.5))
    axes.axis("off")
    sheets = np.empty((len(FONTS), 10, SHEET, SHEET), dtype=np.float32)
    for f, font in enumerate(FONTS):
        for digit in range(10):
            path = TextPath((0, 0), str(digit), size=1, prop=FontProperties(family=font))
            box = path.get_extents()
            vertices = (path.vertices - (box.min + box.max) / 2) * (0.72 / box.height)
            patch = axes.add_patch(PathPatch(Path(vertices, path.codes), facecolor="black", linewidth=0))
            canvas.draw()
            sheets[f, digit] = 255 - np.asarray(canvas.buffer_rgba())[..., 0]
            patch.remove()
    return sheets


def affine(rng, n):
    """Maps from a picture's coordinates to its sheet's: matrices (n, 2, 2) and shifts (n, 2), in parts of a side."""
    angle, shear = rng.normal(0, 0.15, n), rng.normal(0, 0.15, n)
    scale = rng.uniform(0.85, 1.2, (n, 2))
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    lean = np.broadcast_to(np.eye(2), (n, 2, 2)).copy()
    lean[:, 1, 0] = shear
    return turn @ lean * scale[:, None], rng.normal(0, 0.04, (n, 2))


def bent(sheets, maps):
    """Sheets (n, S, S) seen through affine maps, bilinear: (n, 28, 28) uint8."""
    matrices, shifts = maps
    line = (np.arange(28) + 0.5) / 28 - 0.5
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    places = ((grid @ matrices.swapaxes(1, 2) + shifts[:, None] + 0.5) * SHEET - 0.5).astype(np.float32)
    places = np.clip(places, 0, SHEET - 1.001)
    low = places.astype(int)
    part = places - low
    which = np.arange(len(sheets))[:, None]
    value = 0.0
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - part[..., 0]) * np.abs(1 - right - part[..., 1])
            value = value + weight * sheets[which, low[..., 0] + down, low[..., 1] + right]
    return np.rint(value).astype(np.uint8).reshape(-1, 28, 28)


def strokes(count=COUNT, seed=0, most=5):
    """Two to five smooth strokes a picture, each a quadratic curve: (N, 64, 64) uint8, 0 or 255; no labels."""
    rng = stream(seed, "strokes")
    ends = rng.uniform(6, 57, (count, most, 3, 2))                   # start, bend, end
    ends[:, 1:, 0] = ends[:, :-1, 2]                                 # a stroke begins where the last one ended
    used = np.arange(most) < rng.integers(2, most + 1, (count, 1))
    n, k = np.nonzero(used)
    start, bend, end = np.moveaxis(ends[n, k].astype(np.float32), 1, 0)
    s = np.linspace(0, 1, 96, dtype=np.float32)[:, None, None]
    curves = (1 - s) * ((1 - s) * start + s * bend) + s * ((1 - s) * bend + s * end)
    rows, columns = np.moveaxis(np.rint(curves).astype(np.int32), -1, 0)        # (96, strokes)
    pixels = np.zeros((count, 64, 64), dtype=np.uint8)
    for down in (0, 1):                                              # lines two pixels wide
        for right in (0, 1):
            pixels[np.broadcast_to(n, rows.shape), rows + down, columns + right] = 255
    return pixels, None
