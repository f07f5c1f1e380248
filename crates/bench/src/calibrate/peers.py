"""OpenCV on pictures of checkerboards and tags. Reads a folder of PGM files named SET-NUMBER.pgm and prints JSON.

usage: peers.py boards FOLDER COLUMNS ROWS SQUARE | peers.py tags FOLDER
Pixels are moved by half a pixel: (0, 0) is the corner of the first pixel, not its middle.
"""
import json
import pathlib
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
kind, folder = sys.argv[1], pathlib.Path(sys.argv[2])
files = sorted(folder.glob("*.pgm"))

if kind == "tags":
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    for refine in ("subpix", "apriltag"):
        parameters = cv2.aruco.DetectorParameters()
        parameters.cornerRefinementMethod = {
            "subpix": cv2.aruco.CORNER_REFINE_SUBPIX,
            "apriltag": cv2.aruco.CORNER_REFINE_APRILTAG,
        }[refine]
        detector = cv2.aruco.ArucoDetector(dictionary, parameters)
        for f in files:
            picture = cv2.imread(str(f), cv2.IMREAD_GRAYSCALE)
            begin = time.thread_time()
            corners, ids, _ = detector.detectMarkers(picture)
            seconds = time.thread_time() - begin
            ids = [] if ids is None else ids.flatten().tolist()
            # OpenCV's family is turned by half against the AprilTag library's.
            tags = [
                {"id": i, "corners": (np.roll(c[0], 2, axis=0) + 0.5).tolist()}
                for i, c in zip(ids, corners)
            ]
            print(json.dumps({"who": "OpenCV " + refine, "file": f.stem, "tags": tags, "seconds": seconds}))
else:
    columns, rows, square = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    target = np.zeros((rows * columns, 3), np.float32)
    target[:, :2] = np.mgrid[0:columns, 0:rows].T.reshape(-1, 2) * square
    for who in ("classic", "SB"):
        sets = {}
        for f in files:
            picture = cv2.imread(str(f), cv2.IMREAD_GRAYSCALE)
            size = picture.shape[::-1]
            begin = time.thread_time()
            if who == "classic":
                found, corners = cv2.findChessboardCorners(picture, (columns, rows))
                if found:
                    ends = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 1e-3)
                    corners = cv2.cornerSubPix(picture, corners, (5, 5), (-1, -1), ends)
            else:
                found, corners = cv2.findChessboardCornersSB(picture, (columns, rows))
            seconds = time.thread_time() - begin
            spots = (corners.reshape(-1, 2) + 0.5).tolist() if found else []
            print(json.dumps({"who": "OpenCV " + who, "file": f.stem, "corners": spots, "seconds": seconds}))
            if found:
                sets.setdefault(f.stem.split("-")[0], []).append(corners)
        for name, views in sets.items():
            if len(views) < 3:
                continue
            begin = time.thread_time()
            error, k, d, _, _ = cv2.calibrateCamera([target] * len(views), views, size, None, None)
            seconds = time.thread_time() - begin
            print(json.dumps({
                "who": "OpenCV " + who, "set": name, "views": len(views), "rms": error, "seconds": seconds,
                "focal": [k[0, 0], k[1, 1]], "principal": [k[0, 2] + 0.5, k[1, 2] + 0.5],
                "distortion": d.flatten()[:5].tolist(),
            }))
