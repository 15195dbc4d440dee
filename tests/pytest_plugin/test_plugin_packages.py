"""The installed packages: their names are in no one's way, and the distribution holds them and nothing else."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
needs_hatchling = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None, reason="needs hatchling, of the extra test"
)

USES_BOTH = """
    import {module}

    def test_it(assistants_emulator, openai_client):
        assert {module}.OWNER == "the user"
        assistants_emulator.respond("Hi.")
        assert openai_client.beta.threads.create().id.startswith("thread_")
"""


@pytest.mark.slow
@pytest.mark.parametrize("file", ["emulator.py", "emulator/__init__.py", "pytest_plugin.py"])
def test_a_module_of_the_users_with_a_name_like_a_folder_of_ours_is_in_no_ones_way(
    pytester: pytest.Pytester, file: str
) -> None:
    path = pytester.path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("OWNER = 'the user'\n")
    module = PurePosixPath(file).parts[0].removesuffix(".py")
    pytester.makepyfile(test_inner=USES_BOTH.format(module=module))
    result = pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_inner.py")
    result.assert_outcomes(passed=1)


def built(target: str, directory: Path) -> Path:
    """The one file that hatchling builds of the checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(directory)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (file,) = directory.iterdir()
    return file


@needs_hatchling
def test_the_wheel_holds_the_two_packages_and_no_other_top_level_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(built("wheel", tmp_path)) as wheel:
        names = wheel.namelist()
    top_level = {PurePosixPath(name).parts[0] for name in names}
    assert {name for name in top_level if not name.endswith(".dist-info")} == {
        "assistants_emulator",
        "pytest_assistants_emulator",
    }
    data = ["py.typed", "fixtures/scripts/math_tutor.yaml", "inspector/static/page.js", "inspector/templates/base.html"]
    assert {f"assistants_emulator/{file}" for file in data} <= set(names)


@pytest.mark.slow
@needs_hatchling
def test_an_installed_package_is_imported_as_it_is_written(pytester: pytest.Pytester) -> None:
    with zipfile.ZipFile(built("wheel", pytester.path / "dist")) as wheel:
        wheel.extractall(pytester.path / "site")
    pytester.makepyfile(
        """
        import sys
        from importlib.machinery import SourceFileLoader

        def test_it(assistants_emulator):
            modules = {name: module for name, module in sys.modules.items() if name.startswith("assistants_emulator")}
            assert len(modules) > 100 and all("site" in module.__file__ for module in modules.values())
            assert [name for name, module in modules.items() if type(module.__loader__) is not SourceFileLoader] == []
        """
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(pytester.path / "site"))
        pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider").assert_outcomes(passed=1)


@needs_hatchling
def test_the_source_distribution_holds_what_the_wheel_is_built_from(tmp_path: Path) -> None:
    with tarfile.open(built("sdist", tmp_path)) as source:
        top_level = {PurePosixPath(name).parts[1] for name in source.getnames()}
    assert {"emulator", "pytest_plugin", "fixtures", "tests", "docs", "pyproject.toml", "README.md"} <= top_level
