"""Runs trackers from PyPI over detections and times them; reads and writes what mot/peers.rs says.

Arguments: a folder with one CSV per sequence (frame,left,top,width,height,score, frames counted from 1; first line:
`fps,frames`), and a folder for the results. Prints one JSON line per tracker and sequence.
"""
import csv
import json
import logging
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def load(path):
    with open(path, newline="") as f:
        rows = list(csv.reader(f))
    fps, frames = float(rows[0][0]), int(rows[0][1])
    by_frame = [[] for _ in range(frames)]
    for r in rows[1:]:
        x, y, w, h, s = (float(v) for v in r[1:6])
        by_frame[int(r[0]) - 1].append([x, y, x + w, y + h, s])
    return fps, by_frame


def peers(np, sv):
    """Name and a function from fps to an update function that takes detections and returns tracked ones."""
    found = []
    try:
        import trackers as t

        def of(cls, **kwargs):
            def make(fps):
                tracker = cls(frame_rate=fps, **kwargs)
                return tracker.update

            return make

        found.append(("trackers SORT", of(t.SORTTracker)))
        found.append(("trackers ByteTrack", of(t.ByteTrackTracker)))
        found.append(("trackers OC-SORT", of(t.OCSORTTracker)))
        found.append(("trackers BoT-SORT", of(t.BoTSORTTracker, enable_cmc=False)))
        found.append(("trackers C-BIoU", of(t.CBIoUTracker)))
    except Exception as e:  # an older or newer release may lack one
        print(f"trackers: {e}", file=sys.stderr)

    def byte(fps):
        return sv.ByteTrack(frame_rate=max(1, round(fps))).update_with_detections

    if hasattr(sv, "ByteTrack"):
        found.append(("supervision ByteTrack", byte))
    return found


def main():
    import numpy as np
    import supervision as sv

    source, target = sys.argv[1], sys.argv[2]
    for name, make in peers(np, sv):
        for file in sorted(os.listdir(source)):
            fps, frames = load(os.path.join(source, file))
            update = make(fps)
            inputs = []
            for f in frames:
                a = np.array(f, dtype=np.float32).reshape(-1, 5)
                inputs.append(
                    sv.Detections(
                        xyxy=a[:, :4].copy(),
                        confidence=a[:, 4].copy(),
                        class_id=np.zeros(len(a), dtype=int),
                    )
                )
            outputs = []
            start = time.perf_counter()
            for d in inputs:
                outputs.append(update(d))
            seconds = time.perf_counter() - start
            path = os.path.join(target, f"{len(os.listdir(target)):04d}.txt")
            with open(path, "w") as out:
                for i, d in enumerate(outputs):
                    if d.tracker_id is None:
                        continue
                    seen = set()
                    for box, track in zip(d.xyxy, d.tracker_id):
                        track = int(track)
                        if track < 0 or track in seen:
                            continue
                        seen.add(track)
                        x0, y0, x1, y1 = (float(v) for v in box)
                        out.write(f"{i + 1},{track},{x0},{y0},{max(x1 - x0, 0)},{max(y1 - y0, 0)},1,-1,-1,-1\n")
            print(json.dumps({"tracker": name, "file": file, "results": path, "seconds": seconds}), flush=True)


main()
