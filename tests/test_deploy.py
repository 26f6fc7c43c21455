"""The files of deploy/ name the same processes, and the guide's numbers are those of the code."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pages.shared.room import store
from pages.shared.room.web import MOST_BYTES

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
GUIDE = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
NGINX = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")


def test_each_process_has_its_lines():
    processes = re.findall(r"upstream process_(\d)", NGINX)
    assert len(processes) >= 2
    for number in processes:
        first = re.search(rf"upstream process_{number} {{\s+server (\S+) max_fails", NGINX)
        assert first is not None
        assert first[1] == f"127.0.0.1:850{number}"
        assert re.search(rf"{number} +process_{number};", NGINX)
        assert re.search(rf'"~127.0.0.1:850{number}\$" +{number};', NGINX)
        assert f'"{number} {number}"' in NGINX
    anyone = re.search(r"upstream any_process {(.*?)}", NGINX, re.S)
    assert anyone is not None
    assert re.findall(r"server 127.0.0.1:850(\d)", anyone[1]) == processes
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert re.findall(r"  process-(\d):", compose) == processes
    assert re.findall(r'PORT: "850(\d)"', compose) == processes
    assert re.findall(r"ipv4_address: 10\.83\.0\.1(\d)", compose) == processes
    assert "--server.port=850%i" in (DEPLOY / "pooling-lab@.service").read_text(encoding="utf-8")


def test_nobody_is_logged():
    assert "access_log off;" in NGINX
    assert 'X-Forwarded-For ""' in NGINX
    assert "$remote_addr" not in NGINX


def test_the_guide_s_numbers():
    codes = len(set(store.ALPHABET)) ** store.LENGTH
    burst, rate = store.GUESSES
    a_day = burst + rate * store.DAY
    assert f"{codes:,}" in GUIDE
    assert f"{a_day:,.0f} a day" in GUIDE
    assert codes / a_day > 100_000
    assert "1 in 100,000" in GUIDE
    assert f"1 in {codes / (4 * a_day * store.MOST_ROOMS):.0f}" in GUIDE
    assert f"{store.MOST_ROOMS} open rooms" in GUIDE
    assert f"holds {store.MOST_PHONES:,};" in GUIDE
    assert f"{MOST_BYTES:,} bytes" in GUIDE
    assert f"{burst:.0f} wrong codes at once and then one in ten seconds" in GUIDE
    assert rate == 0.1


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_reads_the_units(tmp_path):
    for unit in DEPLOY.glob("pooling-lab*"):
        text = unit.read_text(encoding="utf-8")
        text = text.replace("/opt/pooling-lab/venv/bin/streamlit", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    for name in ("pooling-lab@1.service", "pooling-lab.target", "pooling-lab-health@1.timer"):
        read = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", f"./{name}"],
            cwd=tmp_path, capture_output=True, text=True, env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        )  # fmt: skip
        assert "pooling-lab" not in read.stderr, read.stderr
