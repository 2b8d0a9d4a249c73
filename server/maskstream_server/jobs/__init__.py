"""Whole videos by upload: records, queue, worker, files."""
