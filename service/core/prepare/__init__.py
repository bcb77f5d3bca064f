"""Rules of preparing datasets: the operations, what each does to one line, and what is told of them."""
