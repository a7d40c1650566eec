"""The API: what it holds, and that its description is true."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portbook.web.api import openapi
from portbook.web.api.endpoints import MOST_PORTS, parse_spans
from tests.counts import PROOF
from tests.values import CATALOG
from tests.web.process import serving

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from starlette.testclient import TestClient


@functools.cache
def _described() -> dict[str, Any]:
    return openapi.describe(local=True)


def _validator(name: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator({**_described(), "$ref": f"#/components/schemas/{name}"})


def _some_rows(value: Any) -> Any:
    """*value* with the ends of its long lists, and one in eleven of the rest; all under proof."""
    if isinstance(value, dict):
        return {key: _some_rows(inner) for key, inner in value.items()}
    if isinstance(value, list):
        long = len(value) > 100 and not PROOF
        return [_some_rows(each) for each in (value[:20] + value[20::11] if long else value)]
    return value


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/305.json", "port"),
        ("/443.json", "port"),
        ("/60000.json", "port"),
        ("/services/ssh.json", "service"),
        ("/services/vrml-multi-use.json", "service"),
        ("/ranges/system.json", "range"),
        ("/ranges/dynamic.json", "range"),
        ("/api/ports?ports=22,443/udp", "ports"),
        ("/api/ports/443/udp", "port"),
        ("/api/blocks", "blocks"),
        ("/api/blocks?state=unassigned&range=user", "blocks"),
        ("/api/stats", "stats"),
        ("/api/changes", "history"),
        ("/api/changes?since=2025-01-31", "history"),
        ("/search.json?q=postgress", "search"),
        ("/search.json?q=305", "search"),
        ("/here.json", "listen"),
        ("/here/22.json", "port"),
        ("/here/search.json?q=ssh", "search"),
        ("/99999.json", "problem"),
    ],
)
def test_what_is_described_is_what_comes(shared: TestClient, path: str, name: str) -> None:
    _validator(name).validate(_some_rows(shared.get(path).json()))


def test_the_description_is_no_weaker_than_the_objects(shared: TestClient) -> None:
    """Every key that an object has is described: a new one has to be added there as well."""

    def check(value: Any, schema: dict[str, Any], where: str) -> None:
        if "$ref" in schema:
            schema = _described()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if "anyOf" in schema:
            if value is not None:
                check(value, schema["anyOf"][0], where)
        elif isinstance(value, dict) and "properties" in schema:
            assert set(value) <= set(schema["properties"]), where
            for key, inner in value.items():
                check(inner, schema["properties"][key], f"{where}.{key}")
        elif isinstance(value, list) and "items" in schema:
            for each in value:
                check(each, schema["items"], where)

    for path, name in {
        "/22.json": "port",
        "/api/ports?ports=1-2": "ports",
        "/services/ssh.json": "service",
        "/ranges/system.json": "range",
        "/api/stats": "stats",
        "/api/changes": "history",
        "/search.json?q=ssh": "search",
        "/here.json": "listen",
    }.items():
        check(shared.get(path).json(), {"$ref": f"#/{name}"}, name)


def test_many_ports_in_the_order_asked(shared: TestClient) -> None:
    found = shared.get("/api/ports?ports=443/udp,22,6001-6000").json()
    assert (found["schema"], found["total"], found["next"]) == ("portbook/ports/1", 4, None)
    assert [each["port"] for each in found["ports"]] == [443, 22, 6000, 6001]
    assert list(found["ports"][0]["transports"]) == ["udp"]
    assert found["ports"][1] == {**shared.get("/22.json").json(), "page": None}


def test_the_rest_of_many_is_led_to(shared: TestClient) -> None:
    seen: list[int] = []
    address: str | None = "/api/ports?ports=0-599,1000/tcp,2000-2100/udp"
    pages = 0
    while address:
        found = shared.get(address).json()
        seen += [each["port"] for each in found["ports"]]
        address, pages = found["next"], pages + 1
        assert len(found["ports"]) <= MOST_PORTS
    assert seen == [*range(600), 1000, *range(2000, 2101)]
    assert pages == 3


@pytest.mark.parametrize(
    "text",
    ["", ",", "22,", "65536", "22/xyz", "1-2-3", "-1", "22 ", "22/tcp/udp", "٣", "1-65536", "a",
     ",".join(["1"] * 1025)],
)  # fmt: skip
def test_no_list_of_ports(shared: TestClient, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it carries the word, and no message
        parse_spans(text)
    found = shared.get("/api/ports", params={"ports": text})
    assert (found.status_code, found.json()["status"]) == (400, 400)


@pytest.mark.parametrize(
    "path",
    [
        "/api/ports",
        "/api/ports?ports=1&ports=2",
        "/api/ports?ports=1&x=2",
        "/api/blocks?state=free",
        "/api/blocks?x=1",
        "/api/stats?x=1",
        "/search.json",
        "/search.json?q=",
        "/search.json?q=" + "a" * 201,
        "/search.json?q=a&limit=0",
        "/search.json?q=a&limit=101",
        "/search.json?q=a&limit=x",
    ],
)
def test_what_is_asked_wrongly_is_400(shared: TestClient, path: str) -> None:
    assert shared.get(path).status_code == 400


def test_search(shared: TestClient) -> None:
    found = shared.get("/search.json?q=postgresql&limit=3").json()
    assert found["matches"][0]["service_name"] == "postgresql"
    assert len(found["matches"]) <= 3
    assert found["page"] is None
    assert shared.get("/search.json?q=udp:443").json()["page"] == "/443"


def test_one_port_for_one_transport(shared: TestClient) -> None:
    assert list(shared.get("/api/ports/443/udp").json()["transports"]) == ["udp"]
    for path in ("/api/ports/443/xyz", "/api/ports/70000/udp", "/api/ports/443"):
        assert shared.get(path).status_code == 404


# -- for machines -----------------------------------------------------------------------------


def test_the_sitemap_holds_every_page_once(public: TestClient) -> None:
    index = public.get("/sitemap.xml", headers={"host": "ports.example.org"}).text
    count = index.count("<sitemap>")
    seen: list[str] = []
    for part in range(1, count + 1):
        assert f"http://ports.example.org/sitemap-{part}.xml" in index
        text = public.get(f"/sitemap-{part}.xml").text
        some = [each.partition("</loc>")[0] for each in text.split("<loc>")[1:]]
        assert 0 < len(some) <= 50_000
        seen += some
    assert len(set(seen)) == len(seen)
    assert {f"http://127.0.0.1:4905/{port}" for port in range(65536)} <= set(seen)
    names = {row.service_name for row in CATALOG.registry.store.all() if row.service_name}
    assert sum("/services/" in each for each in seen) == len(names)
    for path in ("/", "/explain", "/changes", "/map", "/api"):
        assert f"http://127.0.0.1:4905{path}" in seen
    assert public.get(f"/sitemap-{count + 1}.xml").status_code == 404
    assert public.get("/sitemap-0.xml").status_code == 404


def test_a_name_that_is_no_name_gets_into_no_sitemap(public: TestClient) -> None:
    hostile = '"><script>alert(1)</script>'
    found = public.get("/sitemap.xml", headers={"host": hostile}).text
    assert "script" not in found
    assert "http://localhost/" in found


def test_robots(local: TestClient, public: TestClient) -> None:
    assert "Disallow: /\n" in local.get("/robots.txt").text
    text = public.get("/robots.txt").text
    assert "Disallow: /\n" not in text
    assert "Sitemap: http://127.0.0.1:4905/sitemap.xml" in text


def test_llms(shared: TestClient) -> None:
    text = shared.get("/llms.txt").text
    assert text.startswith("# portbook\n\n> ")
    for link in text.split("](")[1:]:
        assert shared.get(link.partition(")")[0]).status_code == 200
    assert {"/explain", "/api/changes"} <= {
        link.partition(")")[0].partition("?")[0] for link in text.split("](")[1:]
    }


def test_health_and_metrics(local: TestClient) -> None:
    assert local.get("/healthz").text == "ok\n"
    local.get("/305")
    local.get("/305")
    local.get("/99999")
    found = local.get("/metrics")
    assert found.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    lines = found.text.splitlines()
    assert lines[-1] == "# EOF"
    assert 'portbook_answers_total{status="404"} 1' in lines
    assert "portbook_kept_hits_total 1" in lines
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    for line in lines:
        if not line.startswith("#"):
            name = line.partition("{")[0].split()[0]
            assert {name, name.removesuffix("_total"), name.removesuffix("_info")} & typed


# -- the description is true ------------------------------------------------------------------


def test_it_is_openapi_3_1(local: TestClient, public: TestClient) -> None:
    from schemathesis.openapi import from_dict

    for client in (local, public):
        described = client.get("/openapi.json").json()
        assert described["openapi"].startswith("3.1")
        from_dict(described).validate()
        names = [
            operation["operationId"]
            for path in described["paths"].values()
            for operation in path.values()
        ]
        assert len(set(names)) == len(names)
    assert json.dumps(openapi.describe(local=True)).isascii()


@pytest.mark.proof
@pytest.mark.real
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """Every check that it has, against a server that runs."""
    (tmp_path / "schemathesis.toml").write_text(
        # 414 is a refusal as well, which its own list doesn't know.
        "[checks.negative_data_rejection]\n"
        'expected-statuses = ["400", "401", "403", "404", "405", "414", "422"]\n'
        # One request may lead to another, and that to a third.
        + ("" if PROOF else "[phases.stateful]\nmax-steps = 3\n")
    )
    with serving(tmp_path) as site:
        headers = {"Authorization": f"Bearer {site.token}"} if site.token else {}
        command = [
            f"{Path(sys.executable).parent}/schemathesis",
            "run",
            f"{site.url}/openapi.json",
            "--checks=all",
            f"--max-examples={600 if PROOF else 2}",
            # The same cases on every run, but for the long one. The examples of the description
            # are asked in the phase of coverage as well, and few random ones would be the same.
            *(() if PROOF else ("--seed=1", "--phases=coverage,stateful")),
            "--no-color",
            # A busy machine may take longer than the ten seconds that it would wait.
            "--request-timeout=600",
            "--max-response-time=600",
            # It has no end, which schemathesis would wait for.
            "--exclude-path=/here/{port}/events",
            *(f"--header={name}: {value}" for name, value in headers.items()),
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, shorten(done.stdout + done.stderr)
        assert "No issues found" in done.stdout, shorten(done.stdout)
        with urllib.request.urlopen(f"{site.url}/metrics") as metrics:
            answers = re.findall(rb"\nportbook_answers_total{.*} (\d+)", metrics.read())
        assert sum(map(int, answers)) >= (10_000 if PROOF else 250)


def shorten(text: str) -> str:
    return "\n".join(line[:300] for line in text.splitlines()[-120:])
