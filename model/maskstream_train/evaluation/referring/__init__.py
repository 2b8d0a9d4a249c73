"""J&F of what sentences name, as DAVIS defines it."""
