"""What the programs are to achieve: 100 weights that three sums of three weights leave almost free.

Schmidhuber (1997), sections 5.2 and 5.3, and problems of our own for the studies.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from vanishing_gradient.program_search.machine import WEIGHTS

POSITION = np.arange(WEIGHTS)
TRAINING = np.array([(5, 17, 86), (13, 55, 58), (40, 87, 94)])          # on-bits of the three examples
PATTERNS = np.array(list(combinations(range(WEIGHTS), 3)))              # (161700, 3)
UNSEEN = PATTERNS[~(PATTERNS[:, None] == TRAINING).all(2).any(1)]       # (161697, 3)


class Problem(NamedTuple):
    """A weight vector to be found from three sums of three weights."""
    name: str
    truth: np.ndarray            # (WEIGHTS,) the only weights that are right on all patterns

    @property
    def targets(self):
        return self.truth[TRAINING].sum(1)

    def accept(self, weights):
        """(n, WEIGHTS) -> (n,) bool: fits the three training examples exactly."""
        return (weights[:, TRAINING].sum(2, dtype=np.int64) == self.targets).all(1)

    def unseen_right(self, weights):
        """How many of the UNSEEN patterns these weights (WEIGHTS,) get right; outputs are rounded."""
        if (weights == self.truth).all():
            return len(UNSEEN)
        return self.outputs_right(weights[UNSEEN].sum(1))

    def outputs_right(self, outputs):
        """The same for given outputs, a number or (161697,)."""
        return int((np.rint(outputs) == self.truth[UNSEEN].sum(1)).sum())


COUNTING = Problem("counting", np.ones(WEIGHTS, np.int64))
POSITIONS = Problem("positions", POSITION)

# Problems of our own, with the same three patterns (studies further_problems and effort_against_kt).
FURTHER = (
    Problem("first half", (POSITION < 50).astype(np.int64)),             # 1 on inputs 0 to 49, zero outside
    Problem("alternating signs", 1 - 2 * (POSITION % 2)),                # 1, -1, 1, -1, ...
    Problem("squares", POSITION * POSITION),
)
LADDER = (COUNTING,
          Problem("all 2", np.full(WEIGHTS, 2)),
          Problem("1 and 0 in turn", (POSITION + 1) % 2),
          FURTHER[0],
          Problem("all 5", np.full(WEIGHTS, 5)),
          Problem("0 and 1 in turn", POSITION % 2),
          POSITIONS,
          Problem("minus positions", -POSITION),
          Problem("positions from 1", POSITION + 1),
          FURTHER[1],
          FURTHER[2])

# Programs that write them, by hand, believed to be the shortest: what the search is expected to find at best.
BY_HAND = {
    "counting": [1, 0, 2, 0],                                       # WriteWeight c(0) = 1 | Jump 0
    "all 2": [2, 2, 1, 0, 2, 2],                                    # Jump 2 | WriteWeight c(0) = 2 | Jump 2
    "1 and 0 in turn": [1, 0, 1, 1, 2, 0],                          # c(0) = 1, c(1) = 0
    "first half": [7, 2, 1, 2, 2, 0],                               # Allocate 2 ends the run at its 51st time
    "all 5": [7, 5, 1, 1, 2, 2],                                    # Allocate 5 | WriteWeight c(1) = 5 | Jump 2
    "0 and 1 in turn": [7, 1, 1, -1, 1, 1, 2, 2],                   # c(-1) = 0, c(1) = 1
    "positions": [7, 1, 1, -1, 8, -1, 2, 2],                        # write c(-1), then raise it
    "minus positions": [7, 1, 1, -1, 9, -1, 2, 2],                  # write c(-1), then lower it
    "positions from 1": [7, 1, 8, -1, 1, -1, 2, 0],                 # raise c(-1), then write it; 100 cells allocated
    "alternating signs": [7, 1, 9, -1, 1, 1, 1, -1, 2, 4],          # c(1) = 1, c(-1) = -1
    "squares": [7, 2, 11, -1, -1, -2, 1, -2, 8, -1, 2, 2],          # c(-2) = c(-1) * c(-1), write it, raise c(-1)
}
