"""How reliably models speak, for queries over renders."""

import sqlalchemy as sa

from services.elo.tables import RENDERS
from services.shared.clips.domain import EVALUATION_FAILED, ClipStatus

_R = RENDERS.c

# A failed evaluation says nothing about the model.
_ASKED = sa.and_(_R.status.in_([ClipStatus.COMPLETED, ClipStatus.FAILED]), _R.error_kind != EVALUATION_FAILED)
RELIABILITY = sa.cast(
    sa.func.avg(sa.case((_R.status == ClipStatus.COMPLETED, 1.0), else_=0.0)).filter(_ASKED), sa.Double
)
"""The share of requests for speech that succeeded, 0 to 1. NULL without requests. Recorded models get none."""
