"""The web application: who may use it, and how errors are answered."""
