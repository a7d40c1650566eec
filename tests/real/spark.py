"""How the tests run Spark: on this machine alone, without what only gains where it runs long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def settings(folder: Path | None = None, cores: int = 1) -> dict[str, str]:
    """The environment of a Spark for little data; what it writes goes to *folder*, if any."""
    configuration = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    if folder is not None:
        configuration |= {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder)}
    more = " ".join(f"--conf {name}={value}" for name, value in configuration.items())
    return {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_SUBMIT_ARGS": f"--master local[{cores}] --driver-memory 1g {more} pyspark-shell",
        # Half of the time would go to compiling well what runs once.
        "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
