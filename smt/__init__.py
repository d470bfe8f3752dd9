"""Supervised Memory Training in numpy (Kumar & Isola 2026, arXiv 2606.06479). Read smt.py first.

    smt.py        the headline: what is trained, compared and measured
    tasks.py      the synthetic tasks; certificate.py enumerates the states of a binary memory
    layers.py     affine map, RMSNorm, GELU, rotary attention, Transformer block, losses: forward and backward
    memory.py     what a memory is: on a sphere (the paper), on a lattice, or binary (ours)
    updaters.py   the RNN's one-step transition: residual MLP, GRU, tanh-RNN, LSTM, Transformer; the readout
    model.py      encoder (what to remember), decoder (predict the future from a memory), the whole teacher and RNN
    losses.py     the SMT, DMT and BPTT losses, assembled
    training.py   the optimisation loops
    probes.py     long rollouts, snapshots of the memory space, gradient norms, --gradcheck, --evaluate
    studies.py    ablation, five updaters, the other tasks; jobs.py runs independent parts in a few processes
    visualize_smt.py, make_smt_gif.py, readme.py    figures, GIF and tables from saved data
"""
