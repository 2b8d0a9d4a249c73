"""Panoptic quality of videos: VPQ and STQ, as the VIPSeg and DeepLab2 evaluators count them."""
