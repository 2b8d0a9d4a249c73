"""The shell around a session: sockets, decoding, encoding, takeovers."""
