"""How MDQE learns: several queries for each object, and masks that keep off one another."""
