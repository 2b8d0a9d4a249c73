"""Mask2Former: the segmenter that runs on every frame."""
