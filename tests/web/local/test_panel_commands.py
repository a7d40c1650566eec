"""What of a command line a page may show: the program and its script, and no argument."""

from __future__ import annotations

from portbook.model.command_line import base_name, run_name
from portbook.web.local.panel import without_arguments
from tests.cases import for_each

SHOWN = {
    ("node", "/srv/shop/server.js", "--token", "hunter2"): "node server.js",
    ("python3", "-m", "http.server", "8000"): "python3 -m http.server",
    ("node", "/srv/node_modules/.bin/next", "dev"): "next",
    ("node", "/srv/node_modules/@angular/cli/bin/ng.js", "serve"): "@angular/cli",
    ("python3", "manage.py", "runserver", "0:8000"): "manage.py",
    ("python3", "/srv/.venv/bin/gunicorn", "shop:app"): "gunicorn",
    ("php", "-S", "0:8000"): "php -S",
    ("python3", "-c", "hunter2"): "python3 -c …",
    ("deno", "run", "-A", "/srv/main.ts", "hunter2"): "deno run main.ts",
    ("java", "-jar", "/srv/app.jar", "hunter2"): "java -jar app.jar",
    ("java", "-cp", "hunter2", "com.example.Main"): "java com.example.Main",
}
HIDDEN = [
    ("node", "--token", "hunter2", "app.js"),  # an option's value stands where a script does
    ("python3", "/srv/run hunter2.py"),
    ("uv", "run", "hunter2"),
    ("nginx", "-g", "hunter2"),
    ("postgres: shop hunter2",),
    ("node", "--require=preload", "--", "-x=hunter2"),  # what follows "--" isn't an option
    ("perl", "-ehunter2"),
    (),
]


@for_each("command", SHOWN)
def test_the_script_is_told_and_no_argument(command: tuple[str, ...]) -> None:
    bare = without_arguments(command)
    assert run_name(base_name(command[0]), bare) == SHOWN[command]
    assert "hunter2" not in " ".join(bare or ())


@for_each("command", HIDDEN)
def test_what_may_be_an_argument_is_not_told(command: tuple[str, ...]) -> None:
    assert without_arguments(command) is None
