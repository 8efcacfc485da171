"""The speech synthesiser espeak-ng, loaded from its PyPI wheel: no system package is needed.

Constants and signatures: `speak_lib.h` of espeak-ng 1.52.
"""

from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import espeakng_loader
import numpy as np

from training.errors import UserError

_SYNCHRONOUS = 2
_DONT_EXIT = 1 << 15
_RATE, _PITCH, _RANGE = 1, 3, 4
_POSITION_CHARACTER = 1
_TEXT_UTF8 = 1
_SEPARATOR = "_"
# Bit 1: International Phonetic Alphabet; bits 8 to 23: what stands between phonemes.
_IPA_SEPARATED = 1 << 1 | ord(_SEPARATOR) << 8
_STRESS_MARKS = "ˈˌ"
_IPA_ACCENT = "en-US"
_OK = 0
_BUFFER_MS = 1_000
# Otherwise espeak-ng takes its seed from the clock.
_RANDOM_SEED = 1
_CONTINUE = 0
# espeak-ng copies its data path into a buffer of this size and cuts what does not fit.
_MAX_PATH_BYTES = 200

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)

ACCENTS = (
    "en",
    "en-US",
    "en-GB-scotland",
    "en-029",
    "en-GB-x-rp",
    "en-GB-x-gbclan",
    "en-GB-x-gbcwmd",
    "en-US-nyc",
)
"""Kinds of English by the names of their files in the wheel: British, American, Scottish,
Caribbean, Received Pronunciation, Lancaster, West Midlands, New York."""

_ROBOTS = ("robo", "Robot", "klatt", "Demonic", "Tweaky")


@dataclass(frozen=True)
class Voice:
    """How one clip is spoken."""

    accent: str
    variant: str
    """Vocal tract: one of `variants()`."""
    words_per_minute: int
    """80 to 450."""
    pitch: int
    """0 to 99; 50 is the variant's own."""
    pitch_range: int
    """0 (monotone) to 99; 50 is the variant's own."""


def variants() -> tuple[str, ...]:
    """Vocal tracts in the wheel that sound like people, ordered by name."""
    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    names = sorted(path.name for path in folder.iterdir() if " " not in path.name)
    return tuple(name for name in names if not any(robot in name for robot in _ROBOTS))


def phonemes(text: str) -> str:
    """How British English pronounces `text`, in espeak-ng's notation: equal for homophones."""
    return _engine().phonemes(text)


def ipa(text: str) -> tuple[str, ...]:
    """How American English pronounces `text`: phonemes of the International Phonetic Alphabet.

    Stress and word boundaries are left out: `("h", "eɪ", "k", "ə", "m", ...)` for "hey com...".
    Letters that English does not have come out as their names. Empty where nothing is said.
    """
    return _engine().ipa(text)


def speak(text: str, voice: Voice) -> tuple[np.ndarray, int]:
    """Say `text`.

    What espeak-ng computes depends a little on all that the process said before. The same texts and
    voices in the same order, from the start of a process, give the same samples.

    Returns:
        int16[samples] and their rate in Hz (22,050).

    Raises:
        UserError: the wheel does not work here, or does not know the voice.
    """
    return _engine().speak(text, voice)


@cache
def _engine() -> _Engine:
    return _Engine()


class _Engine:
    """espeak-ng keeps its state in globals, so a process has one engine, used under a lock."""

    def __init__(self) -> None:
        data_path = espeakng_loader.get_data_path().encode()
        if len(data_path) > _MAX_PATH_BYTES:
            raise UserError(
                f"espeak-ng cannot use its data in a path of {len(data_path)} bytes:"
                f" {data_path.decode()}",
                "Install sotto into a folder with a shorter path.",
            )
        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise UserError(
                f"espeak-ng does not load: {error}",
                "Reinstall it (pip install --force-reinstall espeakng-loader), or use recordings.",
            ) from error
        self._rate_hz = self._library.espeak_Initialize(
            _SYNCHRONOUS, _BUFFER_MS, data_path, _DONT_EXIT
        )
        if self._rate_hz <= 0:
            raise UserError(
                f"espeak-ng does not start with the data in {data_path.decode()}",
                "Reinstall it: pip install --force-reinstall espeakng-loader.",
            )
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(_RANDOM_SEED))
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._blocks: list[np.ndarray] = []
        # ctypes does not keep the callback alive; this attribute does.
        self._callback = _CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)
        self._lock = threading.Lock()

    def phonemes(self, text: str) -> str:
        return " ".join(self._clauses(text, ACCENTS[0], 0))

    def ipa(self, text: str) -> tuple[str, ...]:
        spelled = " ".join(self._clauses(text, _IPA_ACCENT, _IPA_SEPARATED))
        parts = spelled.replace(_SEPARATOR, " ").split()
        return tuple(part for part in (one.strip(_STRESS_MARKS) for one in parts) if part)

    def _clauses(self, text: str, accent: str, mode: int) -> list[str]:
        with self._lock:
            self._set_voice(accent)
            rest = ctypes.c_char_p(text.encode())
            clauses: list[str] = []
            # Each call takes one clause and moves `rest` on; it becomes NULL at the end.
            while rest:
                clause = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _TEXT_UTF8, mode)
                clauses.append((clause or b"").decode())
        return clauses

    def speak(self, text: str, voice: Voice) -> tuple[np.ndarray, int]:
        encoded = text.encode()
        with self._lock:
            self._set_voice(f"{voice.accent}+{voice.variant}")
            for parameter, value in (
                (_RATE, voice.words_per_minute),
                (_PITCH, voice.pitch),
                (_RANGE, voice.pitch_range),
            ):
                self._library.espeak_SetParameter(parameter, value, 0)
            self._blocks = []
            status = self._library.espeak_Synth(
                encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _TEXT_UTF8, None, None
            )
            blocks = self._blocks
        if status != _OK or not any(block.any() for block in blocks):
            raise UserError(
                f"espeak-ng cannot say {text!r}", "Take the word out of the recipe or respell it."
            )
        return np.concatenate(blocks), self._rate_hz

    def _set_voice(self, name: str) -> None:
        if self._library.espeak_SetVoiceByName(name.encode()) != _OK:
            raise UserError(
                f"espeak-ng has no voice {name!r}",
                "Reinstall it: pip install --force-reinstall espeakng-loader.",
            )

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.int16))
        return _CONTINUE
