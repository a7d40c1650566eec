"""How long a test waits for what it expects before it takes that to hang."""

from __future__ import annotations

PATIENCE = 600  # seconds: no machine is so slow and so busy that a healthy run takes as long
