"""Counts what crosses a line of a video or a camera, each object once, by direction.

    python examples/events/count_cars.py street.mp4
    python examples/events/count_cars.py rtsp://camera/stream --line 0,0.6,1,0.6 --class bus

A car that the server loses from sight and finds again, a lost connection and a server that dies
change no number.
"""

import argparse
from collections import Counter

from maskstream_client import Rule, connect


def main() -> None:
    """Count until the video ends, or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", help="a file, an address, or the number of a camera")
    parser.add_argument("--url", default="ws://127.0.0.1:8000", help="of the server")
    parser.add_argument("--line", default="0,0.5,1,0.5", help="x,y,x,y as shares of the picture")
    parser.add_argument("--class", dest="name", default="car", help="what is counted")
    asked = parser.parse_args()
    x0, y0, x1, y1 = map(float, asked.line.split(","))
    rule = Rule("line", "crossed", line=((x0, y0), (x1, y1)), classes=(asked.name,))
    source = int(asked.source) if asked.source.isdecimal() else asked.source
    counts: Counter[str] = Counter()
    # No masks have to travel for that.
    with connect(asked.url, rules=[rule], masks="none") as client:
        for _, result in client.stream(source):
            for event in result.events:
                counts[str(event.direction)] += 1
                print(f"frame {result.frame_index}: {event.label} {event.track_id}", dict(counts))
    print(f"to the left: {counts['to_left']}, to the right: {counts['to_right']}")


if __name__ == "__main__":
    main()
