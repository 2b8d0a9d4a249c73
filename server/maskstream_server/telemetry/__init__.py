"""What is counted, timed, judged late, traced and logged."""
