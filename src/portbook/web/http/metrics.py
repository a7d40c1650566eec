"""What the server counts of itself, as OpenMetrics. Nothing in it is of a client."""

from __future__ import annotations

import time

MEDIA_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Metrics:
    """Counters since the start."""

    def __init__(self) -> None:
        self.started = time.time()
        self.answers: dict[int, int] = {}
        self.hits = 0
        self.misses = 0
        self.votes = 0
        self.streams = 0

    def count(self, status: int) -> None:
        """Counts one answer."""
        self.answers[status] = self.answers.get(status, 0) + 1

    def render(self, version: str, kept: int, kept_bytes: int) -> str:
        """All of it; *kept* pages are held, of *kept_bytes* together.

        https://prometheus.io/docs/specs/om/open_metrics_spec/
        """
        lines = [
            "# TYPE portbook info",
            "# HELP portbook The version that runs.",
            f'portbook_info{{version="{version}"}} 1',
            "# TYPE portbook_start_time_seconds gauge",
            "# UNIT portbook_start_time_seconds seconds",
            "# HELP portbook_start_time_seconds When the server started, since the epoch.",
            f"portbook_start_time_seconds {self.started:.3f}",
            "# TYPE portbook_answers counter",
            "# HELP portbook_answers Answers by status.",
            *(
                f'portbook_answers_total{{status="{status}"}} {count}'
                for status, count in sorted(self.answers.items())
            ),
            *_counter("kept_hits", "Answers sent from what was kept.", self.hits),
            *_counter("kept_misses", "Answers made, and then kept.", self.misses),
            *_counter("feedback_votes", "Votes of readers that were stored.", self.votes),
            *_gauge("kept_pages", "Answers that are kept.", kept),
            "# TYPE portbook_kept_bytes gauge",
            "# UNIT portbook_kept_bytes bytes",
            "# HELP portbook_kept_bytes What the answers that are kept take.",
            f"portbook_kept_bytes {kept_bytes}",
            *_gauge("streams", "Event streams that are open.", self.streams),
            "# EOF",
        ]
        return "\n".join(lines) + "\n"


def _counter(name: str, about: str, value: int) -> list[str]:
    return [
        f"# TYPE portbook_{name} counter",
        f"# HELP portbook_{name} {about}",
        f"portbook_{name}_total {value}",
    ]


def _gauge(name: str, about: str, value: int) -> list[str]:
    return [
        f"# TYPE portbook_{name} gauge",
        f"# HELP portbook_{name} {about}",
        f"portbook_{name} {value}",
    ]
