"""What a run says while it works, and the one way it stops by itself."""

import sys
import time

import numpy as np


class Diverged(RuntimeError):
    """The loss is no longer finite."""


def require_finite(loss, step, lr, what="loss"):
    """Raise Diverged, naming step and learning rate, if any network's loss is not finite."""
    if not np.all(np.isfinite(loss)):
        raise Diverged(f"the {what} is no longer finite at step {step} with learning rate {lr:g}; "
                       "try a smaller learning rate. Earlier results are untouched.")


class Progress:
    """One line that updates in place on a terminal; about ten plain lines when piped.

        progress = Progress("LSTM", 1500)
        progress.update(step, loss=0.3, accuracy=0.9)
        progress.close()
    """

    def __init__(self, label, total, out=None):
        self.label, self.total, self.out = label, total, out or sys.stdout
        self.terminal = self.out.isatty()
        self.started = time.perf_counter()
        self.spoke = self.started if self.terminal else self.started - 1e9
        self.next_step = 0

    def update(self, step, **values):
        now = time.perf_counter()
        if step < self.total:
            if self.terminal and now - self.spoke < 0.1 or not self.terminal and step < self.next_step:
                return
        self.spoke, self.next_step = now, step + self.total / 10
        left = (now - self.started) / max(step, 1) * (self.total - step)
        shown = "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items())
        line = f"{self.label}: {step}/{self.total}  {shown}  {left:.0f} s left"
        self.out.write(f"\r\x1b[K{line}" if self.terminal else line + "\n")
        self.out.flush()

    def close(self):
        if self.terminal:
            self.out.write("\n")
