"""Training: matcher, losses, simulation of emergence and disappearance, the loop."""
