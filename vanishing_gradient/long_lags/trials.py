"""Independent trials of one row side by side on the axis N; a trial that is solved leaves.

Plain SGD, one sequence per update, no momentum, as in 1997. A trial whose weights are no longer finite
leaves unsolved. Long runs are kept every STRETCH sequences and go on from there.
"""

import time

import numpy as np

from common import results
from common.networks import chosen, stack
from common.progress import Progress
from common.randomness import streams
from vanishing_gradient.long_lags import wiring
from vanishing_gradient.long_lags.learners import BLOCK, learner

STRETCH = 100 * BLOCK
TEST = 2560                                  # sequences of the final test (tables 4 to 8)


class Trials:
    """The running trials of one row."""

    def __init__(self, row, seeds, state=None):
        """From the beginning, or from the `state()` of an earlier run."""
        self.row, self.learner, self.all_seeds = row, learner(row), list(seeds)
        if state is None:
            state = dict(
                seeds=np.array(seeds), generators=[rng.bit_generator.state for rng in streams(seeds, "train")],
                p=stack([self.learner.init(rng) for rng in streams(seeds, "init")]), seen=0, seconds=0.0,
                finished=[], memory={**row.solved.begin(len(seeds)), **self.learner.memory(len(seeds))})
        vars(self).update(state)
        self.memory = {name: a.copy() for name, a in self.memory.items()}
        self.generators = [generator(saved) for saved in state["generators"]]
        self.sets = [self.learner.prepare(rng) for rng in streams(map(int, self.seeds), "sets")]

    def state(self):
        return dict(seeds=self.seeds, generators=[rng.bit_generator.state for rng in self.generators], p=self.p,
                    seen=self.seen, seconds=self.seconds, finished=self.finished, memory=self.memory)

    def run(self, until, progress=None):
        """Train until all are solved or each has seen `until` sequences."""
        started = time.perf_counter()
        while self.seen < until and len(self.seeds):
            block = self.learner.draw(self.generators, self.sets)
            for k in range(min(BLOCK, until - self.seen)):
                block = self.one(block, k)
                if not len(self.seeds):
                    break
            if progress:
                progress.update(self.seen, unsolved=len(self.seeds))
        self.seconds += time.perf_counter() - started

    def one(self, block, k):
        """One sequence for every trial; the block without the trials that leave."""
        self.seen += 1
        with np.errstate(over="ignore", invalid="ignore"):
            errors = self.learner.learn(self.p, block, k, self.memory, self.seen)
        look = lambda *first: self.learner.look(self.p, self.sets, *first)
        solved, lost = self.row.solved.see(self.memory, errors, self.seen, look), ~np.isfinite(errors)
        if not (solved | lost).any():
            return block
        keep = ~(solved | lost)
        for n in np.flatnonzero(~keep):
            self.leave(n, bool(solved[n]))
        self.keep(keep)
        return tuple(a[..., keep] for a in block) if isinstance(block, tuple) else block[..., keep]

    def leave(self, n, solved):
        self.finished.append(dict(seed=int(self.seeds[n]), solved=solved, seen=self.seen, p=chosen(self.p, n),
                                  memory={name: a[..., n].item() for name, a in self.memory.items() if a.ndim == 1}))

    def keep(self, which):
        self.seeds, self.p = self.seeds[which], chosen(self.p, which)
        self.memory = {name: a[..., which] for name, a in self.memory.items()}
        self.generators = [rng for rng, stays in zip(self.generators, which) if stays]
        self.sets = [s for s, stays in zip(self.sets, which) if stays]

    def now(self):
        """All trials in the order of the seeds: those that have left as they left, the others as they are."""
        left, self.finished = self.finished, list(self.finished)
        for n in range(len(self.seeds)):
            self.leave(n, False)
        found, self.finished = self.finished, left
        return sorted(found, key=lambda trial: self.all_seeds.index(trial["seed"]))


def generator(state):
    rng = np.random.default_rng(0)
    rng.bit_generator.state = state
    return rng


def train(row, seeds, cap, part=lambda name, make: make()):
    """Every trial until it is solved or has seen `cap` sequences.

    part      progress.Parts.get: keeps the running trials every STRETCH sequences
    returns   [{"seed", "solved", "seen", "p", "memory"}], seconds
    """
    progress, state = Progress(f"{row.title}, {len(seeds)} trials", cap), None

    def stretch(state, until):
        trials = Trials(row, seeds, state)
        trials.run(until, progress)
        return trials.state()

    for until in [*range(STRETCH, cap, STRETCH), cap]:
        state = part(f"{row.name}_{seeds[0]}_{len(seeds)}_{until}", lambda: stretch(state, until))
        if not len(state["seeds"]):
            break
    progress.close()
    return Trials(row, seeds, state).now(), state["seconds"]


def metrics(row, trial, rng):
    """What a record says of one trial; None where only a solved one has a value."""
    memory = trial["memory"]
    final = dict(solved=float(trial["solved"]), seen=trial["seen"], best=memory["best"],
                 sequences=trial["seen"] if trial["solved"] else None)
    if "st1" in memory:
        final["st1"] = memory["st1"] or None
    if "added" in memory and memory["added"]:
        final["added"] = memory["added"]
    if hasattr(row.task, "draw") and hasattr(row.task, "outputs"):
        final |= test(row, trial["p"], rng) if trial["solved"] else dict(wrong_of_2560=None, mean_error=None)
    if getattr(row.solved, "at_end_only", False) and trial["solved"]:
        final["sequences"] -= row.solved.length                      # the streak is the paper's test, not training
    return final


def test(row, p, rng):
    """Wrong ones of 2,560 fresh sequences, their mean absolute error and its root mean square."""
    drawn = row.task.draw(rng, TEST)
    output = wiring.forward(row.net, p, drawn.x, drawn.lengths).output
    error = np.abs(output - drawn.clean).max(0)
    return dict(wrong_of_2560=int((error >= row.solved.tolerance).sum()), mean_error=float(error.mean()),
                rms_error=float(np.sqrt((error * error).mean())))


def run_rows(rows, seeds, caps, part=lambda name, make: make()):
    """Train and test the trials of several rows; the entries of a record, {row: {metric: value}} each.

    caps   sequences after which an unsolved trial is stopped, one for each row
    """
    finals, seconds = {seed: {} for seed in seeds}, 0.0
    for row, cap in zip(rows, caps, strict=True):
        own = list(seeds)[:row.paper.trials or None] if row.paper else list(seeds)
        if not own:
            continue
        trials, took = train(row, own, cap, part)
        seconds += took
        for trial, rng in zip(trials, streams(own, "test")):
            finals[trial["seed"]][row.name] = metrics(row, trial, rng)
    return [results.entry(seed, finals[seed], seconds=seconds / len(seeds)) for seed in seeds]
