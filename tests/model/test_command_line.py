"""What runs, by its arguments; and no secret in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.model.command_line import RunKind, base_name, run_of
from portbook.model.secret_forms import MASK, is_secret_name
from portbook.model.secrets import mask_secrets
from tests.cases import for_each

TITLES = {
    "python3 -m http.server 5432": "python3 -m http.server",
    "/usr/bin/python3.11 -u -m http.server": "python3.11 -m http.server",
    "python3 -um uvicorn app:app --port 8000": "python3 -m uvicorn",
    "python3 -mhttp.server": "python3 -m http.server",
    "python3 -X dev -W ignore manage.py runserver 0.0.0.0:8000": "manage.py runserver",
    "python3 -c import_this": "python3 -c …",
    "/srv/.venv/bin/python /srv/.venv/bin/gunicorn shop.wsgi": "gunicorn",
    "/srv/.venv/bin/python3 /srv/.venv/bin/celery worker": "celery worker",
    "python3 /srv/shop/app.py --debug": "python3 app.py",
    "python3": "python3",
    "node server.js": "node server.js",
    "/usr/bin/node --inspect=9229 -r ts-node/register ./src/index.ts": "node index.ts",
    "node /x/node_modules/.bin/vite --port 5173": "vite",
    "node /x/node_modules/next/dist/bin/next dev": "next dev",
    "node /x/node_modules/@nestjs/cli/bin/nest.js start": "@nestjs/cli start",
    "node -e server()": "node -e …",
    "java -Xmx1g -Dx=y -cp a:b org.apache.catalina.startup.Bootstrap start": (
        "java org.apache.catalina.startup.Bootstrap"
    ),
    "java -jar /opt/app-1.0.jar --server.port=8080": "java -jar app-1.0.jar",
    "java --module-path m -m shop/com.example.Main": "java com.example.Main",
    "php -S localhost:8000 -t public": "php -S localhost:8000",
    "php -r server();": "php -r …",
    "perl -e server()": "perl -e …",
    "perl -wne server()": "perl -e …",
    "php artisan serve": "artisan serve",
    "ruby bin/rails server -p 3000": "rails server",
    "ruby -I lib app.rb": "ruby app.rb",
    "bash -c sleep": "bash -c …",
    "-bash": "bash",
    "sh /srv/run.sh": "sh run.sh",
    "deno run -A main.ts": "deno run main.ts",
    "uv run app.py": "uv run app.py",
    "dotnet /app/Shop.dll --urls x": "dotnet Shop.dll",
    "nginx -g daemon": "nginx",
    "C:\\Python\\python.exe app.py": "python app.py",
    "pythonw.exe app.py": "pythonw app.py",
}


@for_each("line", TITLES)
def test_what_runs_is_named_as_one_types_it(line: str) -> None:
    run = run_of(line.split())
    assert run is not None
    assert run.title == TITLES[line]


@pytest.mark.parametrize("title", ["next-server (v15.1)", "nginx: master process /usr/sbin/nginx"])
def test_a_title_that_a_process_wrote_is_kept(title: str) -> None:
    run = run_of((title,))
    assert run is not None
    assert (run.kind, run.title) == (RunKind.TITLE, title)


def test_nothing_is_named_where_there_are_no_arguments() -> None:
    assert run_of(()) is None
    assert run_of(("",)) is None


SECRET = "hunter2-Xyz"
MASKED = {
    f"app --password {SECRET} --port 80": f"app --password {MASK} --port 80",
    f"app --password={SECRET}": f"app --password={MASK}",
    f"app -pass {SECRET}": f"app -pass {MASK}",
    f"app --api-key={SECRET}": f"app --api-key={MASK}",
    f"app --apiKey {SECRET}": f"app --apiKey {MASK}",
    f"env API_TOKEN={SECRET} app": f"env API_TOKEN={MASK} app",
    f"app AWS_SECRET_ACCESS_KEY={SECRET}": f"app AWS_SECRET_ACCESS_KEY={MASK}",
    f"redis-server --requirepass {SECRET} *:6379": f"redis-server --requirepass {MASK} *:6379",
    f"java -Dspring.datasource.password={SECRET} -jar a.jar": (
        f"java -Dspring.datasource.password={MASK} -jar a.jar"
    ),
    f"app postgres://shop:{SECRET}@db/shop": f"app postgres://shop:{MASK}@db/shop",
    f"app --url=https://shop:{SECRET}@example.org/?a=b": (
        f"app --url=https://shop:{MASK}@example.org/?a=b"
    ),
    f"app --dsn Server=db;Password={SECRET};User=x": f"app --dsn {MASK}",
    f"app Server=db;Password={SECRET};User=x": f"app Server=db;Password={MASK};User=x",
    f"mysql -p{SECRET} -h db": f"mysql -p{MASK} -h db",
    f"redis-cli -a {SECRET} ping": f"redis-cli -a {MASK} ping",
    "app ghp_abcdefghijklmnopqrstuvwxyz0123456789": f"app {MASK}",
    "app AKIAABCDEFGHIJKLMNOP": f"app {MASK}",
    "app eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": f"app {MASK}",
}


@for_each("line", MASKED)
def test_secrets_are_masked(line: str) -> None:
    masked = " ".join(mask_secrets(tuple(line.split())))
    assert masked == MASKED[line]
    assert tuple(masked.split()) == mask_secrets(tuple(masked.split()))  # and stays so


def test_a_header_and_a_connection_string_are_masked() -> None:
    line = ("app", "-H", f"Authorization: Bearer {SECRET}", f"host=db password={SECRET} dbname=x")
    assert SECRET not in " ".join(mask_secrets(line))
    assert mask_secrets(line)[-1] == f"host=db password={MASK} dbname=x"


@for_each(
    "line",
    [
        "nginx -g daemon off;",
        "app --tls-key /etc/tls/key.pem --key=./key.pem",
        "app --password-file /run/secrets/db --token-ttl 60",
        "app --auth=none --authentication-mode=off",
        "mysqld -p3306",
        "app --keyboard us --compass north --bypass yes --public-key abc",
        "ssh git@example.org",
        "app https://deploy@example.org/x",
        "python3 -m http.server 5432",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert " ".join(mask_secrets(tuple(line.split()))) == line


@pytest.mark.parametrize(
    ("name", "secret"),
    [("DB_PASS", True), ("dbPassword", True), ("x-api-key", True), ("key", False),
     ("public_key", False), ("password_file", False), ("monkey", False), ("PGPASSWORD", True)],
)  # fmt: skip
def test_names_of_secrets(name: str, *, secret: bool) -> None:
    assert is_secret_name(name) is secret


words = st.text(max_size=40) | st.sampled_from(
    ("python3", "-m", "node", "java", "-jar", "--password", "a=b", "-", "--", "-c", "://u:p@h")
)


@given(st.lists(words, max_size=8).map(tuple))
def test_any_command_line_is_read(command: tuple[str, ...]) -> None:
    run = run_of(command)
    assert (run is None) == (not command or not command[0])
    masked = mask_secrets(command)
    assert len(masked) == len(command)
    assert (
        masked[:1] == command[:1] or "=" in command[0] or "://" in command[0] or ":" in command[0]
    )


def test_a_long_command_line_takes_linear_time() -> None:
    line = ("app", "://" + "a" * 200_000, "token=" * 60_000, "x" * 500_000 + "key")
    assert len(mask_secrets(line)) == len(line)


def test_names_of_files() -> None:
    assert base_name("/usr/sbin/nginx") == "nginx"
    assert base_name("C:\\x\\node.EXE") == "node"
