"""What `maskstream bench` and `bench upload` do; for people, not for programs."""
