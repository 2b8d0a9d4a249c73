"""The wire protocol, version 1: messages, codec, masks, error codes. No I/O."""
