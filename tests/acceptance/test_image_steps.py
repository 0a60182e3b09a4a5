"""The steps of the image's first stage, done here without Docker: what they install serves."""

import os
import shutil
import subprocess

import pytest

from tests.dockerfile import defaults, stages
from tests.pages import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
IMAGE, PROJECT = "/opt/tidemill", "/build/project"


def built(root, **chosen):
    """Build in the folder `root` what the image gets; return where its programs are."""
    work, image, project = root / "build", root / "tidemill", root / "project"
    work.mkdir()
    for step in stages()[1]:
        if step.name == "COPY":
            *sources, target = step.argument.split()
            copy([file for each in sources for file in ROOT.glob(each)], work / target)
        elif step.name == "RUN":
            said = step.argument.replace(IMAGE, str(image)).replace(PROJECT, str(project))
            subprocess.run(
                ["sh", "-c", said], cwd=work, env=os.environ | defaults() | chosen, check=True
            )
    shutil.copytree(project, image, dirs_exist_ok=True)
    return image / "bin"


def copy(sources, target):
    for source in sources:
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def test_an_image_with_all_extras_has_what_they_need(tmp_path):
    programs = built(tmp_path, EXTRA="transforms otel parquet")

    told = "otel.endpoint=http://127.0.0.1:4318"
    words = ["check", "--offline", "-c", ROOT / "examples/minimal/tidemill.toml", "-s", told]
    done = subprocess.run(
        [programs / "tidemill", *words], capture_output=True, text=True, check=False
    )
    imports = "import PIL, tokenizers, opentelemetry.sdk, pyarrow"

    assert done.returncode == 0, done.stdout + done.stderr
    assert "spans and metrics go to" in done.stdout
    subprocess.run([programs / "python", "-c", imports], check=True)
