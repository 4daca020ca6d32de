"""Videos made for tests, with OpenCV alone: constant and varying rates, rotations."""

import struct

import cv2
import numpy as np

# The matrix of a track's header of MP4, by degrees clockwise: a, b, c and d of 16.16 numbers.
_TURNS = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def write(path, frames, rate=29.97):
    """Writes uint8 RGB frames: MJPG in .avi, MPEG-4 in others."""
    codec = cv2.VideoWriter_fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, rate, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def numbered(count, size=(120, 160)):
    """Frames whose left part is red, wider by two pixels each time, on black or grey."""
    frames = []
    for number in range(count):
        frame = np.full((*size, 3), 120 * (number // 5 % 2), "uint8")
        frame[:, : 2 * (number + 1)] = 220, 20, 20
        frames.append(frame)
    return frames


def number_of(pixels):
    """The number that `numbered` has drawn; half a pixel of doubt."""
    red = pixels[..., 0].astype(int) - pixels[..., 2] > 100
    return round(red.sum(axis=1).mean() / 2) - 1


def turned(source, path, degrees):
    """Copies an MP4 that says it is to be shown turned clockwise."""
    data = bytearray(source.read_bytes())
    place = data.index(b"tkhd") + 44  # behind version, times, number, length, layer and volume
    a, b, c, d = (number << 16 for number in _TURNS[degrees])
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def with_times(source, path, times):
    """Copies the encoded frames of a video to another container, with times in milliseconds."""
    reader = cv2.VideoCapture(str(source), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    size = tuple(int(reader.get(side)) for side in (3, 4))
    raw = [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1, cv2.VIDEOWRITER_PROP_KEY_INTERVAL, 1]
    codec = cv2.VideoWriter_fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, 1000, size, raw)
    assert writer.isOpened()
    head = int(reader.get(cv2.CAP_PROP_CODEC_EXTRADATA_INDEX))
    for number, time in enumerate(times):
        good, packet = reader.read()
        assert good
        packet = packet.reshape(1, -1)
        if number == 0:
            packet = np.hstack([reader.retrieve(flag=head)[1].reshape(1, -1), packet])
        writer.set(cv2.VIDEOWRITER_PROP_KEY_FLAG, reader.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME))
        writer.set(cv2.VIDEOWRITER_PROP_PTS, time)
        writer.write(packet)
    writer.release()
    return path
