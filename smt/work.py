"""Multiply-adds of one update, counted: the update is made, and every call of a module adds what its matrices cost.

    of_update(networks, update)     {Transformer blocks, updater, readout} of some networks -> multiply-adds

Counted are products with matrices (rows times entries), the two products of attention (as they are computed here: a
full square, masked afterwards) and those of L_unif (all pairs). A backward pass is twice a forward pass: the gradients
of inputs and of weights. Not counted: tables of tokens (looked up), norms and other elementwise work, the optimiser.
So it is a number of the architecture, of the batch and of what was drawn for it, not of a clock.
"""

from smt import losses
from smt.density import products
from smt.model import Stack
from smt.updaters import Readout, Updater


class Work:
    """Counts `multiply_adds` of the modules of some networks inside a `with` block."""

    def __init__(self, networks):
        self.modules = [module for network in networks for module in network.modules.values()
                        if isinstance(module, (Stack, Updater, Readout))]
        self.multiply_adds, self.latest, self.replaced = 0, {}, []

    def __enter__(self):
        self.replace(Stack, "forward", self.stack_forward)
        self.replace(Stack, "backward", self.stack_backward)
        self.replace(losses, "uniformity", self.uniformity)
        for module in self.modules:
            if isinstance(module, Updater):
                self.replace(module, "step", self.rows_of(module, 1))
                self.replace(module, "step_backward", self.rows_of(module, 2))
            elif isinstance(module, Readout):
                self.replace(module, "forward", self.rows_of(module, 1))
                self.replace(module, "backward", self.rows_of(module, 2))
        return self

    def __exit__(self, *_):
        for owner, name, original, own in reversed(self.replaced):
            if own:
                setattr(owner, name, original)
            else:
                delattr(owner, name)                    # the class's own is seen again

    def replace(self, owner, name, count):
        """Call count(arguments) before the function that `owner` has under this name."""
        original, own = getattr(owner, name), name in vars(owner)
        self.replaced.append((owner, name, original, own))

        def counted(*arguments):
            self.multiply_adds += count(*arguments)
            return original(*arguments)
        setattr(owner, name, counted)

    def rows_of(self, module, times):
        """Every row of the first argument meets every matrix of the module."""
        return lambda first, *_: times * (first.size // first.shape[-1]) * products(module)

    def stack_forward(self, stack, stream, groups, kept=None):
        """The blocks, after the last attention for the rows `kept` only, and the linear maps before and behind."""
        if stack not in self.modules:
            return 0
        rows, width = stream.shape
        last = rows if kept is None else len(kept)
        attended = sum(batch * length * length for batch, length in (group.shape for group in groups))
        per_layer = 3 * rows * width * width + 2 * attended * width
        behind = 9 * width * width * ((stack.depth - 1) * rows + last)
        ends = last * width * stack.p["out"].shape[1]
        if "project" in stack.p:                        # a decoder: one memory for each sequence
            ends += sum(group.shape[0] for group in groups) * stack.p["project"].size
        self.latest[stack] = stack.depth * per_layer + behind + ends
        return self.latest[stack]

    def stack_backward(self, stack, *_):
        return 2 * self.latest[stack] if stack in self.modules else 0

    def uniformity(self, vectors):
        """The products of all pairs, and of these with the vectors."""
        return 2 * len(vectors) * vectors.size


def of_update(networks, update, times=1):
    """Mean multiply-adds of `times` calls of update()."""
    with Work(networks) as work:
        for _ in range(times):
            update()
    return work.multiply_adds / times
