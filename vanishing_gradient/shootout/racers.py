"""The methods of the shootout: names, years, networks, and the settings that each was given.

The settings (rate, batch size and, for the tanh-RNNs, the scale of the initial weights) were chosen at four
lags on seeds that are used for nothing else: by a grid (study `settings`); of the tanh-RNNs, which have many
more settings, the best four then had the whole budget (study `finalists`). A longer lag takes those of the
longest.
"""

from typing import NamedTuple

import numpy as np
from common import gru, lstm
from common.networks import Network, chrono
from common.tasks.first_symbol import alphabet


class Task(NamedTuple):
    """One point of the axis."""
    lag: int
    K: int = 8                               # symbols, one of which is the answer
    form: str = "random"                     # of the filler, see common/tasks/first_symbol.py

    @property
    def lags_asked(self):
        """Lags that are scored: in the form "asked" the ends and the middle of the range."""
        half = (self.lag + 1) // 2
        return (half, (half + self.lag) // 2, self.lag) if self.form == "asked" else (self.lag,)


class Setting(NamedTuple):
    rate: float                              # of Adam
    batch: int                               # sequences per update
    std: float                               # of the initial weights


class Racer(NamedTuple):
    """A method that this room trains: its recurrent layer and how it starts."""
    label: str
    year: int
    cell: object                             # units of a tanh-RNN, or a Cell
    recurrent: str = "normal"

    def network(self, task):
        return Network(self.cell, task.K, symbols=alphabet(task.form, task.K))

    def start(self, rng, task, std, dtype=np.float32):
        """The parameters of one network; the gates follow the lag."""
        net = self.network(task)
        return net.init(rng, std, self.recurrent, self.gates(rng, net.H, task.lag), dtype)

    def gates(self, rng, cells, lag):
        """Chrono biases where a gate can forget; in 1997's LSTM input gates that open one lag-th of the way."""
        if isinstance(self.cell, gru.Cell):
            return dict(keep=chrono(rng, cells, lag)["forget"])
        if isinstance(self.cell, lstm.Cell):
            return chrono(rng, cells, lag) if self.cell.forget_gate else dict(input=-np.log(lag))
        return None

    def multiply_adds(self, task):
        """Multiplications with addition for training on one sequence: recurrent products and the readout.

        Each weight takes part three times a step: forward, in the error that goes back, in its gradient. Looking
        up a symbol multiplies nothing; elementwise work is not counted.
        """
        net = self.network(task)
        return 3 * ((task.lag + 1) * net.features * net.sources + task.K * net.H)


RACERS = {
    "rnn": Racer("tanh-RNN", 1986, 16),
    "tuned_rnn": Racer("orthogonal tanh-RNN", 2014, 16, "orthogonal"),
    "lstm": Racer("LSTM, closed input gates", 1997, lstm.Cell(8, squash="1997")),
    "lstm_forget": Racer("LSTM with forget gate, chrono", 2018, lstm.Cell(8, forget_gate=True)),
    "gru": Racer("GRU, chrono", 2018, gru.Cell(8))}
GATED = ("lstm", "lstm_forget", "gru")

SETTINGS = {
    "rnn": {30: Setting(0.01, 16, 0.03), 100: Setting(0.01, 16, 0.001)},
    "tuned_rnn": {30: Setting(0.003, 16, 0.003), 100: Setting(0.0003, 16, 0.001), 300: Setting(0.0003, 16, 0.01),
                  1000: Setting(0.0001, 16, 0.01)},
    "lstm": {30: Setting(0.3, 16, 0.1), 100: Setting(0.1, 16, 0.1), 300: Setting(0.3, 16, 0.1),
             1000: Setting(0.1, 16, 0.1)},
    "lstm_forget": {30: Setting(0.1, 16, 0.1), 100: Setting(0.1, 16, 0.1), 300: Setting(0.1, 64, 0.1),
                    1000: Setting(0.03, 16, 0.1)},
    "gru": {30: Setting(0.3, 16, 0.1), 100: Setting(0.1, 16, 0.1), 300: Setting(0.1, 16, 0.1),
            1000: Setting(0.1, 16, 0.1)}}
# Distractors from the same symbols:
ALIKE = {
    "rnn": {30: Setting(0.01, 16, 0.3)},
    "tuned_rnn": {30: Setting(0.003, 16, 0.003)},
    "lstm": {30: Setting(0.03, 16, 0.1)},
    "lstm_forget": {30: Setting(0.01, 16, 0.1)},
    "gru": {30: Setting(0.3, 16, 0.1)}}


def setting_for(chosen, lag):
    """What was chosen at the largest lag that is not above this one (or at the smallest)."""
    return chosen[max([at for at in chosen if at <= lag], default=min(chosen))]
