"""Writes the small ONNX files that the tests of networks read: `python make.py` in this folder, with `onnx`.

Each works on what it sees: the redder a cell of 8 x 8 pixels, the surer it is. So a red square on grey is
found where it is drawn, through the whole way from a picture to a box or a point.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 64
FLOAT, BYTE, LONG = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT64


def tensor(name, values, kind=np.float32):
    return numpy_helper.from_array(np.asarray(values, kind), name)


def save(name, nodes, constants, inputs, outputs, opset=17):
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, name, [info(*i) for i in inputs], [info(*o) for o in outputs], constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    onnx.save(model, f"{name}.onnx")


# How red: red less the mean of green and blue, as a share. Weights of a 1 x 1 convolution.
RED = tensor("red", np.array([1, -0.5, -0.5]).reshape(1, 3, 1, 1))
node = helper.make_node
sure = [
    node("Conv", ["image", "red"], ["redness"], kernel_shape=[1, 1]),
    node("AveragePool", ["redness"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
    node("Clip", ["cells", "zero", "one"], ["score"]),
]
limits = [tensor("zero", 0.0), tensor("one", 1.0)]

# YOLOv8's way: 64 boxes of 12 x 16 pixels around the cells' middles, two classes of which the first is never.
xs, ys = np.meshgrid(np.arange(8) * 8 + 4.0, np.arange(8) * 8 + 4.0)
boxes = np.stack([xs.ravel(), ys.ravel(), np.full(64, 12.0), np.full(64, 16.0)])[None]
columns = [
    *sure,
    node("Reshape", ["score", "row"], ["second"]),
    node("Mul", ["second", "zero"], ["first"]),
    node("Slice", ["image", "from", "to", "axes"], ["corner"]),
    node("Reshape", ["corner", "each"], ["pixel"]),
    node("Mul", ["pixel", "zero"], ["nothing"]),
    node("Add", ["boxes", "nothing"], ["repeated"]),
    node("Concat", ["repeated", "first", "second"], ["found"], axis=1),
]
constants = [
    RED, *limits, tensor("boxes", boxes), tensor("row", [-1, 1, 64], np.int64),
    tensor("from", [0, 0, 0], np.int64), tensor("to", [1, 1, 1], np.int64),
    tensor("axes", [1, 2, 3], np.int64), tensor("each", [-1, 1, 1], np.int64),
]
save("boxes", columns, constants, [("image", FLOAT, ["n", 3, SIDE, SIDE])], [("found", FLOAT, ["n", 6, 64])])
save("boxes_any_size", columns, constants, [("image", FLOAT, ["n", 3, "h", "w"])], [("found", FLOAT, ["n", 6, 64])])
save("boxes_opset_99", columns, constants, [("image", FLOAT, ["n", 3, SIDE, SIDE])], [("found", FLOAT, ["n", 6, 64])], 99)

# RTMPose's way: for each of 17 points (all the same) how red each column and row is, two bins a pixel.
points = [
    node("Conv", ["image", "red"], ["redness"], kernel_shape=[1, 1]),
    node("AveragePool", ["redness"], ["cells"], kernel_shape=[17, 17], strides=[1, 1], pads=[8, 8, 8, 8]),
    node("ReduceMax", ["cells"], ["column"], axes=[1, 2], keepdims=0),
    node("ReduceMax", ["cells"], ["line"], axes=[1, 3], keepdims=0),
]
bins = []
for side, row in (("column", "simcc_x"), ("line", "simcc_y")):
    bins += [
        node("Unsqueeze", [side, "last"], [f"{side}_1"]),
        node("Concat", [f"{side}_1", f"{side}_1"], [f"{side}_2"], axis=2),
        node("Reshape", [f"{side}_2", "flat"], [f"{side}_3"]),
        node("Concat", [f"{side}_3"] * 17, [row], axis=1),
    ]
save(
    "points", points + bins,
    [RED, tensor("last", [2], np.int64), tensor("flat", [-1, 1, SIDE * 2], np.int64)],
    [("image", FLOAT, [1, 3, SIDE, SIDE])],
    [("simcc_x", FLOAT, [1, 17, SIDE * 2]), ("simcc_y", FLOAT, [1, 17, SIDE * 2])],
)

# A vector of bytes in the order that TensorFlow has them: the mean red, green and blue.
save(
    "mean_of_bytes",
    [
        node("Cast", ["image"], ["floats"], to=FLOAT),
        node("ReduceMean", ["floats"], ["look"], axes=[1, 2], keepdims=0),
    ],
    [], [("image", BYTE, [1, 16, 16, 3])], [("look", FLOAT, [1, 3])],
)

# Files that are wrong.
same = lambda kind, op="Identity": [node(op, ["a"], ["b"])]
save("takes_longs", same(LONG), [], [("a", LONG, [1, 3, 8, 8])], [("b", LONG, [1, 3, 8, 8])])
save("unknown_operator", [node("Frobnicate", ["a"], ["b"])], [], [("a", FLOAT, [1, 3, 8, 8])], [("b", FLOAT, [1, 3, 8, 8])])
save("gives_a_picture", same(FLOAT), [], [("a", FLOAT, [1, 3, SIDE, SIDE])], [("b", FLOAT, [1, 3, SIDE, SIDE])])
save("four_channels", same(FLOAT), [], [("a", FLOAT, [1, 4, 8, 8])], [("b", FLOAT, [1, 4, 8, 8])])
save(
    "two_inputs", [node("Add", ["a", "c"], ["b"])], [],
    [("a", FLOAT, [1, 3, 8, 8]), ("c", FLOAT, [1, 3, 8, 8])], [("b", FLOAT, [1, 3, 8, 8])],
)
