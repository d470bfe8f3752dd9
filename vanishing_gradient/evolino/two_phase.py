"""How Evolino scores a network: two passes and a pseudo-inverse (Schmidhuber et al. 2007).

N recurrent networks with one input, the last value u of a series, and one linear output, the next:

    net[t]    = W_in u[t-1] + b + W y[t]          y[t+1] the activations after step t
    output[t] = readout . y[t+1]

1  The network follows the series (teacher forcing). Least squares gives the readout that is best
   for its activations Phi: readout = Phi^+ u.
2  The network runs on its own output, u[t-1] = output[t-1]. The error of this closed loop is what
   the search sees.

In the closed loop the input is a linear function of y, so the same kernel runs it with another
recurrent matrix, W + W_in readout: no second loop over time is needed.
"""

from typing import NamedTuple

import numpy as np
from common import lstm, tanh_rnn

SETS = 4                                      # sets of incoming weights of a cell: three gates and the candidate
WINDOW = 1000                                 # steps of a closed loop that are computed in one call
WORST = 1e6                                   # the error of a network whose closed loop is not a number


class Networks(NamedTuple):
    """N recurrent networks without readouts; `cell` None means tanh units (an echo-state network)."""
    W: np.ndarray                             # (N, F, H)
    W_in: np.ndarray                          # (N, F, 1), times the feedback scale
    b: np.ndarray                             # (N, F, 1)
    cell: lstm.Cell = None

    def only(self, n):
        """One of the networks, still with its axis N."""
        return self._replace(W=self.W[[n]], W_in=self.W_in[[n]], b=self.b[[n]])

    def run(self, drive, W, state=()):
        """(y, s) after every step, each (T+1, N, H, B), from `state` = (y, s) or from zero; tanh units have no s."""
        if self.cell is None:
            return (tanh_rnn.forward(drive, W, *state),)
        trace = lstm.forward(self.cell, drive, W, *state)
        return trace.y, trace.s

    def follow(self, series):
        """Phase 1: all states while the network reads the series (T,) (B = 1); at step 0 it reads 0."""
        inputs = np.concatenate([[0.0], series[:-1]]).reshape(-1, 1, 1, 1)
        return self.run(self.W_in * inputs + self.b, self.W)

    def free_run(self, readout, state, steps):
        """Phase 2: `steps` outputs of the closed loop. readout (N, 1, H), state of B starts -> (steps, N, B)."""
        W, outputs = self.W + self.W_in * readout, []
        for first in range(0, steps, WINDOW):             # in windows: the states of a long run need not fit in memory
            drive = np.broadcast_to(self.b, (min(WINDOW, steps - first), *self.b.shape[:-1], state[0].shape[-1]))
            states = self.run(drive, W, state)
            outputs.append(np.matmul(readout, states[0][1:])[:, :, 0])
            state = tuple(a[-1] for a in states)
        return np.concatenate(outputs)


class Scored(NamedTuple):
    """Networks with what the two phases gave them."""
    networks: Networks
    readout: np.ndarray                       # (N, 1, H)
    state: tuple                              # where the closed loop starts, after the washout: each (N, H, 1)
    error: np.ndarray                         # (N,)  NRMSE of the closed loop on the points seen

    def only(self, n):
        return Scored(self.networks.only(n), self.readout[[n]], tuple(a[[n]] for a in self.state), self.error[[n]])

    def free_run(self, steps):
        """(steps, N) what the closed loop says from the end of the washout on."""
        return self.networks.free_run(self.readout, self.state, steps)[..., 0]


def score(networks, seen, washout):
    """Both phases on the points a search may see.

    seen      (T,) the series up to the last point of the fitness; nothing beyond it is passed in
    washout   steps that the network only follows
    returns   Scored
    """
    states = networks.follow(seen)
    readout = least_squares(states[0][washout + 1:, ..., 0].swapaxes(0, 1), seen[washout:])
    state = tuple(a[washout] for a in states)
    output = networks.free_run(readout, state, len(seen) - washout)[..., 0]
    return Scored(networks, readout, state, bounded(nrmse(output, seen[washout:])))


def least_squares(features, target):
    """The readouts Phi^+ u of N networks, by QR: features (N, T, H), target (T,) -> (N, 1, H).

    With Q R = [Phi u] the last column of R holds Q'u, so Phi^+ u is the pseudo-inverse of a small
    H x H matrix times H numbers: the same result as the pseudo-inverse of Phi, in half the time.
    """
    N, T, H = features.shape
    both = np.concatenate([features, np.broadcast_to(target[None, :, None], (N, T, 1))], axis=-1)
    R = np.linalg.qr(both, mode="r")
    return np.matmul(np.linalg.pinv(R[:, :H, :H]), R[:, :H, H:]).swapaxes(1, 2)


def nrmse(output, target):
    """Root mean square error over the target's standard deviation: the mean scores 1. output (T, ...), target (T,)."""
    error = output - target.reshape(len(target), *(1,) * (output.ndim - 1))
    return np.sqrt((error * error).mean(0) / target.var())


def bounded(error):
    """Errors between rounding and WORST; one that is not a number is WORST."""
    return np.where(np.isfinite(error), np.clip(error, 1e-16, WORST), WORST)


def lstm_networks(genes, feedback):
    """LSTM cells with forget gates from chromosomes.

    genes     (N, H, 4 (H + 2)): per cell and set (input, output, forget gate, candidate), the weights
              from the H cells, from the input, and the bias
    feedback  factor of the input weights
    """
    N, H, _ = genes.shape
    sets = genes.reshape(N, H, SETS, H + 2).swapaxes(1, 2).reshape(N, SETS * H, H + 2)
    return Networks(sets[..., :H], feedback * sets[..., H:H + 1], sets[..., H + 1:], lstm.Cell(H, forget_gate=True))


def random_genes(rng, shape, cells, init):
    """Chromosomes (*shape, 4 (cells + 2)), uniform in +-init: the first generation, and every random LSTM."""
    return rng.uniform(-init, init, (*shape, SETS * (cells + 2)))


def best_of(draw, score_them, batches):
    """Search without evolution: the best of `batches` draws of networks.

    draw        function of nothing -> Networks
    score_them  function of Networks -> Scored
    returns     (Scored of one network, curve of the best error after every batch)
    """
    best, curve = None, []
    for _ in range(batches):
        scored = score_them(draw())
        leader = scored.error.argmin()
        if best is None or scored.error[leader] < best.error[0]:
            best = scored.only(leader)
        curve.append(best.error[0])
    return best, np.array(curve)
