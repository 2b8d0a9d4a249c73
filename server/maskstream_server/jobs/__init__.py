"""Whole videos by upload: records, queue, worker, files (design.md section 5)."""
