"""A patch for workers of tests: work that lost its worker is tried again at once."""

from service.store import trials

trials.PAUSES_S = (0.0,) * len(trials.PAUSES_S)
