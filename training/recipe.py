"""The one configuration: frozen dataclasses, later read from TOML."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FrontendConfig:
    """Log-mel front-end computed by the firmware's C. Defaults: 30 ms windows every 20 ms.

    A feature is an int8: `clamp(round((log2(mel energy) - zero_log2) / step_log2), -128, 127)`.
    The models see it as the float `feature * FEATURE_SCALE`.
    """

    sample_rate_hz: int = 16_000
    clip_samples: int = 16_000
    window_samples: int = 480
    hop_samples: int = 320
    fft_samples: int = 512
    mel_bins: int = 40
    low_hz: float = 60.0
    high_hz: float = 7_600.0
    step_log2: float = 0.125
    zero_log2: float = 20.0

    @property
    def frames(self) -> int:
        """Feature frames in one clip."""
        return 1 + (self.clip_samples - self.window_samples) // self.hop_samples


FEATURE_SCALE = 1.0 / 16.0
"""Float value of one int8 feature step; the int8 models take features with this scale, zero point 0."""
