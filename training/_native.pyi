# Types of the C extension; see training/native/frontend_module.c.
import numpy as np
from numpy.typing import NDArray

class Frontend:
    def __init__(
        self,
        *,
        window_samples: int,
        hop_samples: int,
        fft_samples: int,
        bins: int,
        window_q15: NDArray[np.int16],
        twiddles_q15: NDArray[np.uint32],
        split_q15: NDArray[np.uint32],
        band_start: NDArray[np.uint16],
        rising_q15: NDArray[np.uint16],
        log2_q15: NDArray[np.uint16],
        noise_floor_log2: int,
        zero_log2_q15: int,
        steps_per_octave_q16: int,
    ) -> None: ...
    def clips(self, pcm: NDArray[np.int16], clips: int, features: NDArray[np.int8]) -> None: ...
    def ready(self, samples: int) -> int: ...
    def push(self, pcm: NDArray[np.int16], features: NDArray[np.int8]) -> int: ...
    def reset(self) -> None: ...
