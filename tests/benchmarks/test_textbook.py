import numpy as np

from common.randomness import stream
from temporal_order_3bit import temporal_order_3bit as experiment
from tests.benchmarks import textbook_training as textbook


def test_the_textbook_step_has_the_loss_and_gradients_of_ours():
    contestant, rng = experiment.lstm_of(experiment.Config()), stream(0, "benchmark")
    p = contestant.init(rng, experiment.Config(), np.float64)
    tokens, targets = (a[0] for a in experiment.sequences(rng, 1, 20, 5))
    loss, g = contestant.network.gradients_at_end(p, tokens, targets)
    theirs, grads = textbook.gradients(textbook.from_ours(p), np.eye(8)[tokens.T], targets)
    np.testing.assert_allclose(loss, theirs, rtol=1e-12)
    for name, value in textbook.from_ours(g).items():
        np.testing.assert_allclose(value, grads[name], rtol=1e-9, atol=1e-15)
