"""Engine `tiny`: a small language model in numpy, trained by gradient descent on one thread in seconds."""
