"""Makes reasoning puzzles with exactly one right option each, by enumerating every arrangement."""
