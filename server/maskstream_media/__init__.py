"""What containers and pictures say, read once for client and server, and the one video writer.

Importing this package imports neither PyAV nor numpy; its modules import what they need.
"""
