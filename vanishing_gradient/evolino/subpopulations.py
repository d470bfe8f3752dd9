"""Enforced SubPopulations: every cell of a network is bred in a population of its own.

Gomez & Miikkulainen (1997), Incremental evolution of complex general behavior; with LSTM cells in
Schmidhuber, Wierstra, Gagliolo & Gomez (2007), Training recurrent networks by Evolino.

A chromosome holds all incoming weights of one cell. A network takes one chromosome from each of
the H subpopulations. Nothing is known of a chromosome but the errors of the networks it was in:

    repeat: every chromosome joins `trials` networks, partners by chance;
            its error is the mean log error of these networks;
            the best quarter of each subpopulation breed, and their children, mutated with Cauchy
            noise, replace the worse half;
            no better network for `patience` generations: burst mutation, every subpopulation
            starts again around its cell of the best network so far

No gradient is computed anywhere.
"""

from typing import NamedTuple

import numpy as np


class Recipe(NamedTuple):
    """How a subpopulation is bred."""
    members: int                 # chromosomes per subpopulation
    trials: int                  # networks per chromosome and generation
    mutation: float              # scale of the mutation noise
    patience: int                # generations without a better network before a burst; 0: never
    noise: str = "cauchy"        # or "gaussian"


class Champion(NamedTuple):
    """A network that was better than all before it."""
    generation: int              # counted from 1
    error: float
    genes: np.ndarray            # (H, genes of a chromosome)


class Subpopulations:
    """One search. `members` (H, members, genes); `champion` the best network so far."""

    def __init__(self, first, rng, recipe):
        self.members, self.rng, self.recipe = np.array(first), rng, recipe
        self.champion = Champion(0, np.inf, None)
        self.generation = self.waited = self.bursts = 0

    def networks(self):
        """(trials * members, H, genes): in each trial every chromosome of every subpopulation once."""
        H, P, _ = self.members.shape
        orders = [[self.rng.permutation(P) for _ in range(H)] for _ in range(self.recipe.trials)]
        self.picks = np.swapaxes(orders, 1, 2).reshape(-1, H)
        return self.members[np.arange(H), self.picks]

    def learn(self, networks, errors):
        """One generation from the errors (trials * members,) of what `networks` returned."""
        best = errors.argmin()
        self.generation, self.waited = self.generation + 1, self.waited + 1
        if errors[best] < self.champion.error:
            self.champion, self.waited = Champion(self.generation, float(errors[best]), networks[best].copy()), 0
        if self.recipe.patience and self.waited >= self.recipe.patience:
            self._burst()
        else:
            self._breed(self._shared(errors))

    def _shared(self, errors):
        """(H, members) the mean log error of the networks that each chromosome was in."""
        H, P, _ = self.members.shape
        shared = np.zeros((H, P))
        for cell in range(H):
            np.add.at(shared[cell], self.picks[:, cell], np.log(errors) / self.recipe.trials)
        return shared

    def _breed(self, shared):
        for population, error in zip(self.members, shared):
            order = error.argsort(kind="stable")
            parents, worse = order[:max(2, len(order) // 4)], order[(len(order) + 1) // 2:]
            population[worse] = self._children(population[parents], len(worse))

    def _children(self, parents, count):
        """(count, genes): crossover at one point of two different parents, and noise on every gene."""
        mother = self.rng.integers(len(parents), size=count)
        father = (mother + self.rng.integers(1, len(parents), size=count)) % len(parents)
        genes = parents.shape[1]
        cut = self.rng.integers(1, genes, size=(count, 1))
        return np.where(np.arange(genes) < cut, parents[mother], parents[father]) + self._noise((count, genes))

    def _burst(self):
        """Every subpopulation anew around its cell of the champion; one member is that cell itself."""
        self.members = self.champion.genes[:, None] + self._noise(self.members.shape)
        self.members[:, 0] = self.champion.genes
        self.bursts, self.waited = self.bursts + 1, 0

    def _noise(self, shape):
        draw = self.rng.standard_cauchy if self.recipe.noise == "cauchy" else self.rng.standard_normal
        return self.recipe.mutation * draw(shape)


def evolve(first, rng, recipe, generations, errors_of, tell=None):
    """Run one search.

    first       (H, members, genes) the first chromosomes
    errors_of   function of networks (n, H, genes) -> (n,) positive errors
    tell        called with (generation, best error) after each generation
    returns     (champions, one for every improvement; curve (generations,) of the best error; number of bursts)
    """
    search, champions, curve = Subpopulations(first, rng, recipe), [], []
    for generation in range(1, generations + 1):
        networks = search.networks()
        search.learn(networks, errors_of(networks))
        if search.champion.generation == generation:
            champions.append(search.champion)
        curve.append(search.champion.error)
        if tell:
            tell(generation, search.champion.error)
    return champions, np.array(curve), search.bursts
