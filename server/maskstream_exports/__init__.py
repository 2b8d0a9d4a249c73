"""Files of results, in the forms of other tools: pure writers that client and server share."""
