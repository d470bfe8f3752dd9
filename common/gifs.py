"""The one GIF writer, and the main() of every GIF script."""

import io
from pathlib import Path

import imageio.v3 as imageio
import numpy as np

from common import files, results
from common.config import make_command, parse_drawing
from common.figures import plt

LIMIT = 1_500_000                 # bytes


def animate(description, home, arrays, film, fps=10, hold=4.0):
    """Make the experiment's GIF, <folder's name>.gif, from its saved record and traces; nothing is trained.

    home         the experiment's folder
    arrays       names that traces.npz must hold
    film         function (record, arrays) -> (draw_frame, frames); these, fps and hold as in `write_gif`
    raises       ResultsError: something saved is missing or damaged
    """
    out = parse_drawing(description, home).out
    make = make_command(home, out)
    record, found = results.read_unit(out, make, arrays, home.relative_to(files.ROOT).as_posix())
    with results.reading(out / "traces.npz", make):
        print(write_gif(out / f"{home.name}.gif", *film(record, found), fps=fps, hold=hold).name)


def write_gif(path, draw_frame, frames, fps=10, hold=4.0, limit=LIMIT):
    """Draw every frame, write one looping GIF, all of it or nothing.

    draw_frame  function of an element of `frames` that returns a matplotlib Figure; it may
                return the same figure each time, updated (faster)
    frames      iterable, one element per frame
    fps         frames per second
    hold        seconds the last frame stays
    raises      ValueError if there is no frame or the file would be larger than `limit` bytes
    """
    images = [_pixels(draw_frame(frame)) for frame in frames]
    plt.close("all")
    if not images:
        raise ValueError(f"{path}: a GIF needs at least one frame")
    durations = [1000 / fps] * (len(images) - 1) + [1000 * hold] if len(images) > 1 else 1000 * hold
    buffer = io.BytesIO()
    imageio.imwrite(buffer, images, extension=".gif", plugin="pillow", duration=durations, loop=0, optimize=False)
    if buffer.tell() > limit:
        raise ValueError(f"{path}: {buffer.tell():,} bytes, limit {limit:,}; draw fewer or smaller frames")
    files.write_bytes(path, buffer.getvalue())
    return Path(path)


def _pixels(fig):
    fig.canvas.draw()
    fig.set_layout_engine("none")  # what the first frame laid out stays: no trembling, and twice as fast
    rgb = np.asarray(fig.canvas.buffer_rgba())[..., :3]
    return (rgb & 0xF8) | 0x04    # 32 levels a channel: the eye sees no difference, the file halves
