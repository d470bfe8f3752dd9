"""The price of data movement: oracles of its definition, and scalar programs with the gradients of the kernels."""

import numpy as np
import pytest

from common import lstm
from common.networks import Network
from vanishing_gradient.compute import scalar_nets
from vanishing_gradient.compute.tracer import Stack, Tape, flat, price, read_cost


def costs(function, *arguments, size=1):
    tape = Tape()
    values = tape.arguments(*arguments)
    made = function(*values) if len(arguments) > 1 else function(values)
    tape.results(*(made if isinstance(made, tuple) else (made,)))
    return price(tape, size).tolist()


def matrix_times_vector(A, x):
    return tuple(row[0] * x[0] + row[1] * x[1] for row in A)


# ---------------------------------------------------------------- oracles

def test_a_sum_of_three_costs_six_and_with_two_bytes_fourteen():
    assert costs(lambda a, b, c: (a + b) + c, 1, 2, 3) == [1 + 2, 1 + 2]
    assert sum(costs(lambda a, b, c: (a + b) + c, 1, 2, 3, size=2)) == 14


def test_an_input_named_twice_is_charged_twice_at_the_same_depth():
    assert costs(lambda a: a + a, 1) == [1 + 1]


def test_a_comparison_of_two_sums_costs_eleven():
    assert costs(lambda a, b, c, d: (b + c) > (a + d), 1, 2, 3, 4) == [2 + 2, 2 + 2, 2 + 1]


def test_an_inner_product_by_indexing_costs_eleven():
    assert costs(lambda a, b: a[0] * b[0] + a[1] * b[1], [1, 2], [3, 4]) == [2 + 2, 2 + 2, 2 + 1]


def test_a_matrix_times_a_vector_costs_26():
    made = costs(matrix_times_vector, [[1, 2], [3, 4]], [5, 6])
    assert made[:4] == [5, 6, 3, 5] and sum(made) == 26


def test_reading_costs_the_root_of_the_depth_rounded_up():
    assert [read_cost(d) for d in (1, 2, 4, 5, 9, 10)] == [1, 2, 2, 3, 3, 4]
    assert read_cost(2, size=2) == 2 + 2


def test_a_value_that_is_never_read_leaves_at_once():
    def wasteful(a, b):
        a * a                                        # noqa: B018  computed, never read
        return a + b
    assert costs(wasteful, 1, 2) == [2, 1 + 2]


def test_a_constant_is_on_the_stack_from_its_first_use():
    assert costs(lambda a: (a + 1.0) * 1.0, 5) == [2 + 1, 1 + 2]


# ---------------------------------------------------------------- the stack

def test_depths_are_those_of_a_plain_list():
    """Random touches, removals and pushes against the slow, obvious stack; more than the tree has room for."""
    rng, stack, plain = np.random.default_rng(0), Stack(range(20)), list(range(20))
    for new in range(20, 1500):
        value = plain[rng.integers(len(plain))]
        assert stack.depth(value) == len(plain) - plain.index(value)
        stack.remove(value)
        plain.remove(value)
        if len(plain) < 10 or rng.random() < 0.6:
            value = new if rng.random() < 0.5 else value
            stack.push(value)
            plain.append(value)
    assert len(plain) > 5 and value is not None


# ---------------------------------------------------------------- scalar programs

SYMBOLS, H, D = [0, 3, 2, 4, 1, 0], 3, 5


def numbers(nested):
    return np.array([value.number for value in flat(nested)])


def gradient_of(made, name):
    shape = np.shape(made.weights[name])
    return np.array([made.gradient[w.id].number if w.id in made.gradient else 0.0
                     for w in flat(made.weights[name])]).reshape(shape)


def weights_of(made, names):
    return {name: numbers(made.weights[name]).reshape(np.shape(made.weights[name])) for name in names}


def two_logits(W_out):
    """One logistic output is a softmax over (0, z)."""
    return np.concatenate([np.zeros_like(W_out), W_out])


def test_the_scalar_tanh_network_has_the_gradient_of_the_kernel():
    made = scalar_nets.recurrent("rnn", SYMBOLS, 1, H, D, np.random.default_rng(1))
    p = weights_of(made, ("W_in", "W", "W_out"))
    p |= dict(W_out=two_logits(p["W_out"]), b_out=np.zeros(2))
    net = Network(H, classes=2, symbols=D, bias=False)
    _, g = net.gradients_at_end(p, np.array(SYMBOLS)[:, None], np.array([1]))
    for name in ("W_in", "W"):
        np.testing.assert_allclose(gradient_of(made, name), g[name], atol=1e-12)
    np.testing.assert_allclose(gradient_of(made, "W_out")[0], g["W_out"][1], atol=1e-12)


def test_the_scalar_lstm_has_the_gradient_of_the_kernel():
    made = scalar_nets.recurrent("lstm", SYMBOLS, 0, H, D, np.random.default_rng(2))
    gates = ("input", "output", "candidate")
    p = {name: np.concatenate([weights_of(made, (f"{part}_{g}",))[f"{part}_{g}"] for g in gates])
         for name, part in (("W_in", "in"), ("W", "W"))}
    p |= dict(W_out=two_logits(weights_of(made, ("W_out",))["W_out"]), b_out=np.zeros(2))
    net = Network(lstm.Cell(H), classes=2, symbols=D, bias=False)
    _, g = net.gradients_at_end(p, np.array(SYMBOLS)[:, None], np.array([0]))
    for name, part in (("W_in", "in"), ("W", "W")):
        found = np.concatenate([gradient_of(made, f"{part}_{gate}") for gate in gates])
        np.testing.assert_allclose(found, g[name], atol=1e-12)


def predicting(p, symbols, state=()):
    """Gradient of the kernels for predicting every next symbol of a window."""
    net = Network(H, classes=D, symbols=D, bias=False)
    x, targets = np.array(symbols[:-1])[:, None], np.array(symbols[1:])[:, None]
    return net.gradients_at_every_step(p, x, targets, np.ones(targets.shape), state)[1:]


def test_a_network_that_predicts_every_symbol_has_the_gradient_of_the_kernel():
    made = scalar_nets.recurrent("rnn", SYMBOLS, 1, H, D, np.random.default_rng(3), every=True)
    p = weights_of(made, ("W_in", "W", "W_out")) | dict(b_out=np.zeros(D))
    g, _ = predicting(p, SYMBOLS)
    for name in ("W_in", "W", "W_out"):
        np.testing.assert_allclose(gradient_of(made, name), g[name], atol=1e-12)


def test_the_automatizers_error_goes_back_through_its_window_only():
    made = scalar_nets.chunker(SYMBOLS, (0, 5), 1, H, D, np.random.default_rng(4), window=3)
    p = weights_of(made, ("W_in", "W", "W_out")) | dict(b_out=np.zeros(D))
    first, run = predicting(p, SYMBOLS[:4])
    second, _ = predicting(p, SYMBOLS[3:], run.state)
    for name in ("W_in", "W", "W_out"):
        np.testing.assert_allclose(gradient_of(made, name), first[name] + second[name], atol=1e-12)


def test_the_chunker_learns_from_the_surprises_alone():
    made = scalar_nets.chunker(SYMBOLS, (0, 4, 5), 1, H, D, np.random.default_rng(5), learns=False)
    p = {name[2:]: a for name, a in weights_of(made, ("c_W_in", "c_W", "c_W_out")).items()}
    p |= dict(W_out=two_logits(p["W_out"]), b_out=np.zeros(2))
    net = Network(H, classes=2, symbols=D, bias=False)
    _, g = net.gradients_at_end(p, np.array(SYMBOLS)[[0, 4, 5]][:, None], np.array([1]))
    np.testing.assert_allclose(gradient_of(made, "c_W"), g["W"], atol=1e-12)
    assert not gradient_of(made, "W").any()


def smt_loss(made, flat_weights, places):
    """The loss of SMT's scalar program for other weights, in numpy; the last term is the answer's."""
    names, at, w = list(made.weights), 0, {}
    for name in names:
        shape = np.shape(made.weights[name])
        w[name] = flat_weights[at:at + np.prod(shape)].reshape(shape)
        at += np.prod(shape)
    e = [w["E"][:, x] + places[t] for t, x in enumerate(SYMBOLS)]
    m = []
    for t in range(len(SYMBOLS)):
        weight = np.exp([(w["query"] @ e[t]) @ (w["key"] @ e[s]) for s in range(t + 1)])
        m.append(sum(a * (w["value"] @ e[s]) for s, a in enumerate(weight)) / weight.sum())
    dynamics = sum(((np.tanh(w["W"] @ m[t - 1] + w["W_in"][:, SYMBOLS[t]]) - m[t]) ** 2).sum() / 2
                   for t in range(1, len(SYMBOLS)))
    return dynamics + np.log1p(np.exp(-(w["W_out"] @ m[-1])[0]))


def test_smt_with_its_teacher_has_the_gradient_of_its_loss():
    made = scalar_nets.smt(SYMBOLS, 1, H, D, np.random.default_rng(6))
    weights = numbers([value for nested in made.weights.values() for value in flat(nested)])
    places = np.random.default_rng(6).normal(0, 0.5, (len(SYMBOLS), H))          # drawn first, as in the program
    direction = np.random.default_rng(7).standard_normal(len(weights))
    numeric = (smt_loss(made, weights + 1e-6 * direction, places)
               - smt_loss(made, weights - 1e-6 * direction, places)) / 2e-6
    analytic = sum(direction[k] * made.gradient[w.id].number
                   for k, w in enumerate(v for n in made.weights.values() for v in flat(n)) if w.id in made.gradient)
    assert analytic == pytest.approx(numeric, rel=1e-6)


def test_the_backward_pass_finds_what_it_needs_near_the_top_because_what_was_read_leaves():
    """The cost of BPTT per step does not grow with the length; it does when nothing leaves the stack."""
    tapes = [scalar_nets.recurrent("rnn", [k % D for k in range(T)], 1, H, D, np.random.default_rng(0)).tape
             for T in (20, 80)]
    short, long = (price(tape).sum() for tape in tapes)
    assert long < 4.2 * short
    short, long = (price(tape, closes_up=False).sum() for tape in tapes)
    assert long > 4.3 * short


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_the_cost_of_a_step_does_not_depend_on_its_values(kind):
    one, other = (price(scalar_nets.recurrent(kind, SYMBOLS, 1, H, D, np.random.default_rng(seed)).tape)
                  for seed in (0, 1))
    np.testing.assert_array_equal(one, other)


def test_the_optimisers_cost_does_not_grow_with_the_sequence():
    def optimiser(T):
        tape = scalar_nets.recurrent("rnn", [k % D for k in range(T)], 1, H, D, np.random.default_rng(0)).tape
        return price(tape)[[one.label[0] == "optimiser" for one in tape.instructions]].sum()
    assert abs(optimiser(40) - optimiser(20)) <= 3
