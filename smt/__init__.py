"""Supervised Memory Training in numpy (Kumar & Isola 2026, arXiv 2606.06479). Read smt.py first.

    smt.py          the main experiment: settings, jobs, claims
    losses.py       the SMT step (smt_loss), DMT, BPTT: forward, backward, assembled
    training.py     the loops around them, one schedule, one way to evaluate
    memory.py       what a memory is: on a sphere (the paper), on a lattice, binary (ours), or free
    updaters.py     the RNN's one-step transition: residual MLP, GRU, tanh-RNN, LSTM, Transformer; the readout
    model.py        encoder (what to remember), decoder (predict the future from a memory), the teacher, the RNN
    layers.py       linear map, RMSNorm, GELU, rotary attention, Transformer block, losses: forward and backward
    tasks.py        the synthetic tasks; certificate.py enumerates the states of a binary memory
    comparison.py   what the main experiment trains: SMT, DMT and its control, the opponents and their grids
    scores.py       the axes of the numbers in results.json
    players.py      long rollouts, saved networks
    pictures.py     snapshots of the memory; gradients.py: dL/dm_t of untrained networks, --gradcheck
    jobs.py         independent jobs in a few processes
    cost.py         what an update and a token cost, counted and measured (study complexity)
    data/           pictures and text from a folder of the user's, or stand-ins made offline
    studies/        one question a file
    visualize_smt.py, make_smt_gif.py, drawing.py    figures, GIF and tables from saved data
    framework.py    the method as a picture, from no data

Rows first: x is (B, T, D), a product is `x W`; the kernels of common/ have the features first and other names.
"""
