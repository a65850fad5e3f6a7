"""What `deploy/` holds: nothing runs as root or writes where it need not, and all parts fit."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.config.load import load
from monitor.delivery.apprise import check_url
from tests.unit.grafana.boards import FOLDER, UIDS, loaded
from tests.unit.web.exposed import promtool

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
UNIT = DEPLOY / "gpu-monitor.service"
EXACT = re.compile(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?[\w.-]*(@sha256:[0-9a-f]{64})?")
MOST_EXPOSED = 15
"""Tenths of `systemd-analyze security`'s scale from 0 (nothing) to 10 (everything)."""

each_service = pytest.mark.parametrize("name", SERVICES)


def mounts(name: str) -> list[list[str]]:
    return [each.split(":") for each in SERVICES[name]["volumes"]]


@each_service
def test_a_service_is_not_root_and_can_write_nowhere_but_where_it_must(name: str) -> None:
    service = SERVICES[name]
    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()


@each_service
def test_a_service_says_whether_it_is_well_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


@each_service
def test_an_image_is_named_by_its_exact_version(name: str) -> None:
    assert EXACT.fullmatch(SERVICES[name]["image"])


@each_service
def test_nobody_but_this_machine_is_let_in(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("127.0.0.1:")


@each_service
def test_what_a_service_names_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
    assert set(service["networks"]) <= COMPOSE["networks"].keys()
    for needed, condition in service.get("depends_on", {}).items():
        assert condition == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[needed]
    for source, _, *mode in mounts(name):
        if source.startswith("."):
            assert (DEPLOY / source).exists()
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


@each_service
def test_a_secret_is_a_file_that_the_service_is_given(name: str) -> None:
    service = SERVICES[name]
    for key, value in service.get("environment", {}).items():
        if re.search("password|token|secret", key, re.IGNORECASE):
            assert re.search("_FILE$", key)
            assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_every_secret_volume_and_network_is_used() -> None:
    used = [each for service in SERVICES.values() for each in service.get("secrets", ())]
    assert set(used) == COMPOSE["secrets"].keys()
    assert {m[0] for name in SERVICES for m in mounts(name) if m[0][0] != "."} == set(
        COMPOSE["volumes"]
    )
    assert {n for service in SERVICES.values() for n in service["networks"]} == set(
        COMPOSE["networks"]
    )


def test_the_secrets_are_made_once_and_their_folder_is_closed(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "secrets.sh", tmp_path)

    def made() -> dict[str, str]:
        done = subprocess.run([script], capture_output=True, text=True, check=True, timeout=20)
        assert "tensordock_token" in done.stderr
        return {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}

    first = made()
    files = {Path(each["file"]).name for each in COMPOSE["secrets"].values()}
    assert first.keys() == files
    assert made() == first
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    passwords = [first[name].strip() for name in sorted(files) if name.endswith("_password")]
    assert len(set(passwords)) == 3
    assert first["database_password"].strip() in first["database_url"]


def test_the_monitors_configuration_has_no_mistake(tmp_path: Path) -> None:
    text = (DEPLOY / "monitor.yaml").read_text(encoding="utf-8")
    named = re.findall(r"/run/secrets/(\w+)", text)
    assert set(named) == set(SERVICES["monitor"]["secrets"])
    for name in named:
        (tmp_path / name).write_text("json://somewhere/\n")
    (tmp_path / "database_url").write_text("postgresql+psycopg://monitor:x@postgresql/monitor\n")
    file = tmp_path / "monitor.yaml"
    file.write_text(text.replace("/run/secrets", str(tmp_path)))
    config = load(file, {}, check_url)
    assert not config.warnings
    assert config.server.listen.port == 9470


def test_the_configuration_beside_the_unit_has_no_mistake(tmp_path: Path) -> None:
    given = re.findall(r"^LoadCredential=([\w-]+):", UNIT.read_text(), re.MULTILINE)
    for name in given:
        (tmp_path / name).write_text("json://somewhere/\n")
    config = load(DEPLOY / "systemd.yaml", {"CREDENTIALS_DIRECTORY": str(tmp_path)}, check_url)
    assert not config.warnings
    assert set(given) == {"tensordock-token", "receiver-urls"}


def test_prometheus_reads_its_configuration(tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus.yaml").read_text(encoding="utf-8")
    file = tmp_path / "prometheus.yaml"
    file.write_text(text.replace("/etc/prometheus/rules", str(FOLDER / "prometheus")))
    command = [promtool(), "check", "config", "--lint-fatal", str(file)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert found.returncode == 0, found.stdout + found.stderr
    assert [source for source, target, _ in mounts("prometheus")[:2]] == [
        "./prometheus.yaml",
        "../grafana/prometheus",
    ]
    assert yaml.safe_load(text)["rule_files"] == [
        f"/etc/prometheus/rules/{name}.yaml" for name in ("recording", "alerts")
    ]


def provisioned(path: str) -> Any:
    file = DEPLOY / "grafana" / "provisioning" / path / "gpu-monitor.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_grafana_is_given_each_kind_of_data_source_that_a_dashboard_asks_for() -> None:
    kinds = {each["type"] for each in provisioned("datasources")["datasources"]}
    asked = {
        each["query"]
        for uid in UIDS
        for each in loaded(uid)["templating"]["list"]
        if each["type"] == "datasource"
    }
    assert asked <= kinds


def test_grafana_finds_the_dashboards_where_they_are_mounted() -> None:
    (provider,) = provisioned("dashboards")["providers"]
    assert ["../grafana/json", provider["options"]["path"], "ro"] in mounts("grafana")
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).parent == Path(provider["options"]["path"])
    assert Path(home).stem in UIDS


def test_the_image_is_built_from_exact_versions_and_is_not_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(EXACT.fullmatch(base) for base in bases)
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == [SERVICES["monitor"]["user"]]
    assert "--require-hashes" in DOCKERFILE
    assert not re.search(r"^(ADD|ARG .*(TOKEN|PASSWORD))", DOCKERFILE, re.MULTILINE)


def test_what_the_image_copies_is_sent_to_the_builder() -> None:
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists()
            assert f"!{source}" in sent


def pins(file: Path) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", file.read_text(), re.MULTILINE)
    return dict(found)


def test_the_image_has_the_versions_that_are_tested_and_none_for_tests() -> None:
    """`make lock` writes both."""
    image, whole = pins(DEPLOY / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert image.items() <= whole.items()
    assert {"httpx", "sqlalchemy", "psycopg-binary", "uvicorn"} <= image.keys()
    assert not {"pytest", "mypy", "uv", "grafana-foundation-sdk"} & image.keys()


def analyzed(*arguments: str | Path) -> str:
    if (program := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not installed (Debian package systemd)")
    found = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    return found.stdout + found.stderr


def test_systemd_has_nothing_against_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "gpu-monitor"
    program.touch(mode=0o755)
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/gpu-monitor/bin/gpu-monitor", str(program)))
    assert analyzed("verify", "--man=no", unit) == ""


def test_the_unit_is_exposed_to_little() -> None:
    said = analyzed("security", "--offline=true", f"--threshold={MOST_EXPOSED}", UNIT)
    assert "Overall exposure level" in said
    exposure = float(re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)[0])
    assert 10 * exposure <= MOST_EXPOSED, os.linesep.join(said.splitlines()[-40:])
