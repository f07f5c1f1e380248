"""Runs one network in onnxruntime on one thread: python peer.py FILE OUTPUTS SHAPE KIND. Used by vision/python.rs.

Says "ready VERSION" once it has written what it gives for the test pattern to the file OUTPUTS (float32, one
output after the other); then each line read is a number of runs, answered with seconds of wall and of CPU.
"""

import sys
import time

import numpy as np
import onnxruntime

file, outputs, shape, kind = sys.argv[1:5]
shape = [int(n) for n in shape.split("x")]
count = int(np.prod(shape))
pattern = (np.arange(count, dtype=np.uint64) * 2654435761 % 2**32 >> 24).astype(np.uint8)
# A network of floats sees 0-1.
x = (pattern if kind == "u8" else pattern.astype(np.float32) / np.float32(255)).reshape(shape)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
feed = {session.get_inputs()[0].name: x}
with open(outputs, "wb") as out:
    for value in session.run(None, feed):
        out.write(np.ascontiguousarray(value, np.float32).tobytes())
print("ready", onnxruntime.__version__, flush=True)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        session.run(None, feed)
    print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)
