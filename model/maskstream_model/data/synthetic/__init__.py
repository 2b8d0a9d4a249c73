"""An endless, seeded generator of annotated video clips."""
