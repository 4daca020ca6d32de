"""Videos and cameras as streams of frames, and faces followed through them.

    from attention_fer.predict import Predictor
    from attention_fer.predict.video import Follower, VideoFile

    follow = Follower(smooth=0.5)
    for rows in Predictor().stream(VideoFile("clip.mp4").frames()):
        for row in follow(rows):
            print(row.frame, row.timestamp_s, row.face_id, row.label, row.smoothed)

OpenCV decodes them and is imported on use: `pip install "attention-fer[video]"`.
"""

from __future__ import annotations

from attention_fer.predict.video.choosing import FrameChoice
from attention_fer.predict.video.decoding import VideoFile, is_video
from attention_fer.predict.video.following import Follower

__all__ = ["Follower", "FrameChoice", "VideoFile", "is_video"]
