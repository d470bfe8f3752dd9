"""The networks of weight guessing against the slow, obvious version, and the tasks against their definitions."""

import numpy as np
import pytest

from common.randomness import stream
from vanishing_gradient.weight_guessing import networks, tasks
from vanishing_gradient.weight_guessing.networks import A1, A2, LATCH_1, LATCH_2


def logistic(x):
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def slow(network, w, inputs, start=None):
    """One network, one sequence, float64, unit by unit as the papers write it: all activations, last step last."""
    p = {name: a[..., 0].astype(float) for name, a in networks.split(network, w[:, None]).items()}
    f = logistic if network.squash == "logistic" else np.tanh
    hidden, output, states = np.zeros(network.hidden), np.zeros(network.outputs), []
    for t, x in enumerate(inputs):
        before = hidden.copy()
        for j in range(network.hidden):
            net = p["hidden_in"][j] @ x + p["feedback"][j] @ output + p["hidden_bias"][j, 0]
            if network.lateral == "all":
                net += p["lateral"][j] @ before
            if network.lateral == "self":
                net += p["lateral"][j, 0] * before[j]
            hidden[j] = f(net)
        seen, old = hidden if network.hidden_first else before, output.copy()
        for k in range(network.outputs):
            net = p["output_hidden"][k] @ seen
            if network.free_start:
                net += x[0] + (start if t == 0 else 0)
            elif network.input_to_output:
                net += p["output_in"][k] @ x
            if network.output_lateral:
                net += p["output_lateral"][k] @ old
            if network.output_bias:
                net += p["output_bias"][k, 0]
            output[k] = f(net)
        states.append(np.concatenate([hidden, output]))
    return np.array(states)


SHAPES = (A1(1), A1(3), A1(2, output_bias=True), A2(4), A2(4, self_connections=False), A1(2, input_to_output=False),
          A2(3, outputs=2), A1(2, outputs=2), LATCH_2, A1(2, hidden_first=False), A1(2, squash="tanh"))


@pytest.mark.parametrize("network", SHAPES, ids=str)
def test_many_networks_together_do_what_each_does_unit_by_unit(network):
    rng = np.random.default_rng(0)
    w = networks.draw(rng, network, 20, 4.0)
    for x in (rng.integers(0, 2, (9, 3), dtype=np.int8), rng.standard_normal((9, 3)).astype(np.float32)):
        lengths = np.array([9, 5, 7])
        u = networks.final_outputs(network, w, x, lengths)
        real = 2.0 * x - 1 if x.dtype.kind == "i" else x
        for b, n in np.ndindex(3, 20):
            y = slow(network, w[:, n], real[:lengths[b], b, None])[-1, network.hidden:]
            got = (1 + u[b, :, n]) / 2 if network.squash == "logistic" else u[b, :, n]
            assert np.allclose(got, y, atol=2e-4)


def test_the_first_latch_starts_from_its_two_guessed_inputs():
    rng = np.random.default_rng(1)
    w, x = networks.draw(rng, LATCH_1, 5, 3.0), rng.standard_normal((6, 2)).astype(np.float32)
    x[0] = 0
    u = networks.final_outputs(LATCH_1, w, x, np.array([6, 6]), np.array([0, 1]))
    starts = networks.split(LATCH_1, w)["start"][:, 0]
    for b, n in np.ndindex(2, 5):
        assert np.isclose(u[b, 0, n], slow(LATCH_1, w[:, n], x[:, b, None], starts[b, n])[-1, 0], atol=1e-4)


def test_symbols_are_one_hot_on_several_inputs():
    network, rng = A1(2, inputs=3), np.random.default_rng(2)
    w, x = networks.draw(rng, network, 4, 3.0), rng.integers(0, 3, (7, 2))
    u = networks.final_outputs(network, w, x, np.array([7, 7]))
    for b, n in np.ndindex(2, 4):
        assert np.isclose((1 + u[b, 0, n]) / 2, slow(network, w[:, n], np.eye(3)[x[:, b]])[-1, -1], atol=1e-4)


@pytest.mark.parametrize("network, weights", [(A1(1), 7), (A1(3), 3 * (1 + 3 + 1 + 1) + 1 + 3 + 1), (A2(), 52),
                                              (A2(self_connections=False), 42), (LATCH_1, 3), (LATCH_2, 3)])
def test_the_networks_have_the_weights_of_the_source(network, weights):
    assert network.weights == weights == networks.draw(np.random.default_rng(0), network, 2, 1.0).shape[0]


def test_weights_fill_their_interval_evenly():
    w = networks.draw(np.random.default_rng(0), A1(1), 20_000, 100.0)
    assert w.min() > -100 and w.max() < 100 and abs(w.mean()) < 1
    assert abs(w.std() - 100 / np.sqrt(3)) < 0.5


def test_padding_after_the_end_of_a_sequence_changes_nothing():
    data, w = tasks.parity(stream(0, "a"), 8, 5, 9), networks.draw(np.random.default_rng(0), A2(3), 50, 20.0)
    whole = networks.final_outputs(A2(3), w, data.x, data.lengths)
    spoiled = np.where(np.arange(len(data.x))[:, None] < data.lengths, data.x, 1 - data.x)
    assert np.array_equal(whole, networks.final_outputs(A2(3), w, spoiled, data.lengths))


# ---------------------------------------------------------------- tasks

GENERATORS = {"two_sequence": tasks.two_sequence, "latch_1": tasks.latch_1, "parity": tasks.parity,
              "noisy_parity": tasks.noisy_parity,
              **{f"tomita_{g}": lambda *a, g=g: tasks.tomita(*a, grammar=g) for g in tasks.GRAMMARS},
              **{f"tomita_{g}_near": lambda *a, g=g: tasks.tomita(*a, grammar=g, near=True) for g in tasks.GRAMMARS}}


@pytest.mark.parametrize("name", GENERATORS)
def test_classes_alternate_and_lengths_are_those_asked_for(name):
    data = GENERATORS[name](stream(3, name), 100, 50, 60)
    assert data.targets[:, 0].tolist() == [0, 1] * 50 and data.targets.sum() == 50
    assert data.lengths.min() >= 50 and data.lengths.max() <= 60 and len(set(data.lengths.tolist())) >= 5
    assert len(GENERATORS[name](stream(3, name), 7, 50, 60).lengths) == 7            # odd counts do not hang
    assert tasks.constant_rule(data) == 0.5


def test_parity_counts_the_ones_up_to_the_end():
    data = tasks.parity(stream(0, "parity"), 200, 20, 30)
    for x, length, target in zip(data.x.T, data.lengths, data.targets[:, 0]):
        assert x[:length].sum() % 2 == target
    assert 0.4 < tasks.last_element_rule(data) < 0.6
    assert 0.45 < data.x.mean() < 0.55


def test_noisy_parity_is_parity_within_its_noise():
    data = tasks.noisy_parity(stream(0, "noisy"), 50, 20, 30)
    distance = np.abs(np.abs(data.x) - 1)
    assert 0.15 < distance.max() <= tasks.INPUT_NOISE + 1e-6
    inside = np.arange(len(data.x))[:, None] < data.lengths
    assert np.array_equal(((data.x > 0) & inside).sum(0) % 2, data.targets[:, 0])


def test_only_the_first_element_of_two_sequence_tells_the_class():
    data = tasks.two_sequence(stream(0, "two"), 400, 30, 40)
    assert np.array_equal(data.x[0], 2 * data.targets[:, 0] - 1)
    assert abs(data.x[1:].std() - 0.2) < 0.01
    assert abs(tasks.two_sequence(stream(0, "two"), 400, 30, 40, tasks.PAPER_NOISE).x[1:].var() - 0.2) < 0.01
    assert not tasks.latch_1(stream(0, "two"), 4, 30, 40).x[0].any()


def in_language(grammar, text):
    import re
    return {1: bool(re.fullmatch("1*", text)), 2: bool(re.fullmatch("(10)*", text)), 4: "000" not in text}[grammar]


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("grammar", tasks.GRAMMARS)
def test_tomita_strings_are_labelled_by_the_grammar(grammar, near):
    data = tasks.tomita(stream(1, "tomita"), 60, 30, 40, grammar, near)
    for x, length, target in zip(data.x.T, data.lengths, data.targets[:, 0]):
        assert in_language(grammar, "".join(map(str, x[:length]))) == bool(target)


def test_a_tomita_string_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="at least 4"):
        tasks.tomita(stream(0, "x"), 4, 3, 9, 1)
