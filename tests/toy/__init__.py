"""The smallest experiment of the house, for the tests of common/ and reproduce.py."""
