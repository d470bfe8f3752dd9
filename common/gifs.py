"""The one GIF writer."""

import io
from pathlib import Path

import imageio.v3 as imageio
import numpy as np

from common import files
from common.figures import plt

LIMIT = 1_500_000                 # bytes


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
