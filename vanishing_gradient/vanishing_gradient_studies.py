"""The committed studies: python3 vanishing_gradient/vanishing_gradient.py --study NAME

    lengths   up to which sequence length do the RNN and the LSTM learn the marked bit?

Each writes studies/NAME.json. Without --seed or --seeds a study uses seeds 0 to 4. The remedies without gradients belong here too.
"""

import time
from dataclasses import replace

from common import results
from common.randomness import stream
from vanishing_gradient import trained

LENGTHS = (11, 15, 20, 25, 30, 40, 60)
UPDATES, LEVEL = 3000, 0.95


def lengths(config, seed):
    """Updates until 95 % of the validation sequences are right, and accuracy on test sequences, by length."""
    final = {}
    for T in LENGTHS if config.updates >= UPDATES else LENGTHS[:2]:
        x, classes = trained.sequences(stream(seed, "test"), T, 512)
        for name, model in trained.models(config.hidden).items():
            learned = trained.train(name, model, seed, T, config.batch, config.updates, stop_at=LEVEL)
            final |= {f"{name}_T{T}_updates": learned.steps[-1] if learned.validation[-1] >= LEVEL else None,
                      f"{name}_T{T}_accuracy": trained.score(model, learned.after, x, classes)[0]}
    return final


STUDIES = dict(lengths=lengths)


def run(options):
    """Run one study at every seed and write studies/<name>.json."""
    config = options.config if options.quick else replace(options.config, updates=UPDATES)
    seeds = options.seeds if options.seeds_given or options.quick else range(5)
    started, runs = time.time(), []
    for seed in seeds:
        begun = time.perf_counter()
        final = STUDIES[options.study](config, seed)
        runs.append(dict(seed=seed, curves={}, final=final, seconds=round(time.perf_counter() - begun, 2)))
    record = results.record("vanishing_gradient", options, runs, study=options.study, started=started,
                            config={**vars(config), "lengths": LENGTHS, "level": LEVEL, "rates": trained.RATES, "seeds": list(seeds)})
    path = options.out / "studies" / f"{options.study}.json"
    results.write(path, record)
    print(f"{path.name} written")
