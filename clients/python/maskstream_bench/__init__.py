"""`maskstream bench`: benchmarks of a server, its model and its store (docs/performance.md).

Each subject is a command in a module of its own, registered as an entry point of the group
`maskstream.benches`; other distributions may bring more. `live` and `upload` measure a server from
outside and need the client alone; the others start what they measure.
"""
