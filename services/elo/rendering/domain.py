"""Renders: a scenario spoken by a voice model."""

from dataclasses import dataclass
from datetime import timedelta

from services.shared.clips.domain import EVALUATION_FAILED, ClipStatus
from services.shared.metrics import Measurements

DEFAULT_RENDERS_PER_SCENARIO = 3
"""One recording says little about a voice, because most engines speak a text differently each time."""
FAILURE_PAUSE = timedelta(hours=1)
"""A model that failed to speak a scenario is not asked again for this long."""
MAX_FAILURES = 3
"""A model with so many failures and no success within FAILURE_PAUSE takes part in no new battles."""
MAX_WAIT = timedelta(minutes=5)
"""Nor does one whose speech has not come for so long."""

UNUSABLE_PROVIDER = "A side could not be made: its provider could not be used."
UNUSABLE_AUDIO = "A side could not be made: its provider returned no usable audio."
UNSUITABLE_TEXT = "A side could not be made: its provider does not accept the text for this voice."
NOT_EVALUATED = "A side could not be made: its recording could not be evaluated."
# The errors of clips, each with what everybody may know. The provider's own message can name accounts and voices.
_REASONS = {
    "invalid_request": UNSUITABLE_TEXT,
    "text_too_long": UNSUITABLE_TEXT,
    "unknown_voice": UNSUITABLE_TEXT,
    "bad_audio": UNUSABLE_AUDIO,
    EVALUATION_FAILED: NOT_EVALUATED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """One recording of a scenario by a voice model."""

    id: str
    voice_model_id: str
    scenario_id: str
    status: ClipStatus
    evaluation_id: str
    audio_name: str | None
    audio_sha256: bytes | None
    """The digest of the stored audio. None until a battle with it opens."""
    error_kind: str
    transcript: str
    """What models heard. Empty if nothing listened."""
    measurements: Measurements

    @property
    def usable(self) -> bool:
        """Whether it can be a side of an open battle."""
        return self.status is ClipStatus.COMPLETED and self.audio_name is not None

    @property
    def broken(self) -> bool:
        """Whether it can never be a side of an open battle."""
        return self.status.ended and not self.usable


def void_reason(render: Render) -> str:
    """Returns why a battle with this broken render can't open, without a word of its provider."""
    return _REASONS.get(render.error_kind, UNUSABLE_PROVIDER)
