"""Preparing datasets, file to file: rows pass through operations as a stream, and what has to be known of all of them
lies in fixed-width indexes and on disk."""
