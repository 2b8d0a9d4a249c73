"""What `make chaos` runs: streams through two servers and one Redis that are killed meanwhile.

Each run has a seed, which is printed: `--seed` repeats it. A line of JSON for each run says what
happened and what was lost; the exit status is 1 where anything was.
"""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))


def main() -> int:
    """Run as often as asked; return the exit status."""
    from support.chaos import clip_frames

    arguments = parse_arguments()
    seeds = arguments.seed or [random.randrange(10**6) for _ in range(arguments.runs)]
    frames = clip_frames(arguments.frames)
    num_bad = 0
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="maskstream-chaos-") as folder:
            report = run(Path(folder), frames, seed, arguments.kills)
        print(json.dumps(report), flush=True)
        num_bad += bool(report["lost"] or report["resets"] or not report["equal"])
    print(f"{len(seeds)} runs of {len(frames)} frames, {num_bad} in which something was lost")
    return int(num_bad > 0)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, action="append", help="repeat this run")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--kills", type=int, default=5, help="of the server with the session")
    return parser.parse_args()


def run(folder: Path, frames: list, seed: int, num_kills: int) -> dict[str, object]:
    """Stream undisturbed, then in the storm; return what became of it."""
    from support.chaos import Plan, storm
    from support.redis_server import running_redis

    with running_redis(folder) as redis, storm(folder, redis) as servers:
        expected = servers.stream(frames)
        plan = Plan.draw(seed, len(frames), num_kills)
        seen = servers.stream(frames, servers.deeds(plan))
    return {
        "seed": seed,
        "equal": seen.results == expected.results,
        "lost": seen.num_dropped,
        "resets": seen.num_resets,
        "objects": expected.num_objects,
        "tracks": expected.num_tracks,
        "resumed": seen.num_resumed,
        "longest_wait_s": round(seen.longest_wait_s, 2),
        "happened": servers.done,
    }


if __name__ == "__main__":
    sys.exit(main())
