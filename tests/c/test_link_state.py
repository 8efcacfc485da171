"""Host against firmware, whatever the order of the requests: hypothesis plays the host.

The model here says by docs/protocol.md what the board must answer; the firmware runs in lockstep,
so nothing waits.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from firmware_build import CLIP_SAMPLES, CONFIG, LABELS
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from host_tools.link.exchange import Exchange, LinkTiming
from host_tools.link.messages import (
    BoardInfo,
    FeaturesReply,
    FeaturesRequest,
    MessageType,
    ResultReply,
    ResultState,
    Upload,
    UploadReply,
)
from host_tools.link.simulated import SimulatedBoard
from training.features import Frontend

pytest_plugins = ["link_fixtures"]

PIECE_SAMPLES = 500
"""A clip in 32 pieces; whole runs of them are sent at once, or no clip would ever be complete."""
CLIPS = st.integers(1, 3)
PIECES = CLIP_SAMPLES // PIECE_SAMPLES


def audio(clip: int) -> np.ndarray:
    rng = np.random.default_rng(clip)
    return rng.integers(-20_000, 20_000, CLIP_SAMPLES, dtype=np.int16)


FEATURES = {clip: Frontend(CONFIG).clip(audio(clip)) for clip in (1, 2, 3)}


class HostAndFirmware(RuleBasedStateMachine):
    """What the board holds: a clip, and how many of its samples."""

    program: Path

    @initialize()
    def start(self) -> None:
        self.board = SimulatedBoard(self.program)
        self.line = Exchange(self.board, LinkTiming(1.0, 1), "the board")
        self.clip, self.samples, self.completed = 0, 0, 0

    def teardown(self) -> None:
        if hasattr(self, "board"):
            self.board.close()

    @rule(clip=CLIPS, first=st.integers(0, PIECES - 1), count=st.integers(1, PIECES))
    def send_pieces(self, clip: int, first: int, count: int) -> None:
        pcm = audio(clip).tobytes()
        for piece in range(first, min(first + count, PIECES)):
            offset = piece * PIECE_SAMPLES
            data = pcm[2 * offset : 2 * (offset + PIECE_SAMPLES)]
            payload = Upload(clip, offset, CLIP_SAMPLES, data).pack()
            reply = UploadReply.unpack(self.line.ask(MessageType.AUDIO, payload))
            if offset == 0 and clip != self.clip:
                self.clip, self.samples = clip, 0
            mine = clip == self.clip
            if mine and offset <= self.samples < offset + PIECE_SAMPLES:
                self.samples = offset + PIECE_SAMPLES
                self.completed += self.samples == CLIP_SAMPLES
            assert reply.clip == clip
            assert reply.next_offset == (self.samples if mine else 0)

    @rule()
    def go_on(self) -> None:
        if self.clip and self.samples < CLIP_SAMPLES:
            self.send_pieces(self.clip, self.samples // PIECE_SAMPLES, PIECES)

    @rule(clip=CLIPS)
    def ask_for_the_result(self, clip: int) -> None:
        payload = clip.to_bytes(4, "little")
        reply = ResultReply.unpack(self.line.ask(MessageType.RESULT, payload))
        if clip != self.clip:
            assert reply.state == ResultState.UNKNOWN_CLIP
        elif self.samples < CLIP_SAMPLES:
            assert reply.state == ResultState.INCOMPLETE
        else:
            assert reply.state == ResultState.READY
            assert reply.result is not None
            assert reply.result.features_crc32 == zlib.crc32(FEATURES[clip].tobytes())
            assert reply.result.scores == tuple(FEATURES[clip][0, : len(LABELS)].tolist())

    @rule(clip=CLIPS, offset=st.integers(0, 2_000))
    def ask_for_features(self, clip: int, offset: int) -> None:
        payload = FeaturesRequest(clip, offset).pack()
        reply = FeaturesReply.unpack(self.line.ask(MessageType.FEATURES_GET, payload))
        whole = FEATURES[clip].tobytes()
        ready = clip == self.clip and self.samples == CLIP_SAMPLES
        assert reply.total_bytes == (len(whole) if ready else 0)
        assert reply.data == (whole[offset : offset + len(reply.data)] if ready else b"")

    @rule()
    def reset(self) -> None:
        self.line.ask(MessageType.RESET)
        self.clip, self.samples, self.completed = 0, 0, 0

    @rule(noise=st.binary(max_size=40))
    def garbage(self, noise: bytes) -> None:
        self.board.write(noise)

    @invariant()
    def counts_each_clip_once(self) -> None:
        info = BoardInfo.unpack(self.line.ask(MessageType.INFO))
        assert info.clips_completed == self.completed


def test_any_order_of_requests(fake_firmware: Path) -> None:
    HostAndFirmware.program = fake_firmware
    case = HostAndFirmware.TestCase
    case.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
    case().runTest()
