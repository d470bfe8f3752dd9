"""Natural data for the studies: pictures (images.py) and text (text.py), from a folder of the user's or stand-ins.

    images.load(data_dir, "mnist")     MNIST, IDX files; also "sketchy"; without a folder digits and strokes drawn here
    text.load(data_dir)                TinyStories or one text file; without a folder the topics of Python's own help
    files.py                           finding, reading, hashing files; every fault is one line (results.ResultsError)
    stand_ins.py                       the drawn pictures

No file is ever downloaded or written. What was read is known by its name and SHA-256, never by its folder.
"""
