"""The cache of stages: what follows from the same things is taken, nothing half-written is seen."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

from training.cache import Cache
from training.errors import UserError
from training.progress import Silent


@pytest.fixture
def code(tmp_path):
    """A module whose source text can be changed."""
    module = types.ModuleType("some_code")
    module.__file__ = str(tmp_path / "some_code.py")
    Path(module.__file__).write_text("x = 1\n")
    return module


def writes(text, calls):
    def build(folder: Path) -> None:
        calls.append(text)
        (folder / "result.txt").write_text(text)

    return build


def test_second_run_reuses(tmp_path, code):
    calls: list[str] = []
    for reused in (False, True):
        cache = Cache(tmp_path / "cache", Silent())
        stage = cache.stage("bank", writes("a", calls), code=(code,), inputs={"n": 1})
        assert stage.reused is reused
        assert (stage.folder / "result.txt").read_text() == "a"
        assert [one.name for one in cache.stages] == ["bank"]
    assert calls == ["a"]


def test_a_stage_asked_for_twice_in_a_run_stands_once(tmp_path, code):
    calls: list[str] = []
    cache = Cache(tmp_path / "cache", Silent())
    twice = [cache.stage("bank", writes("a", calls), code=(code,), inputs={}) for _ in range(2)]
    assert twice[0] is twice[1]
    assert cache.stages == twice[:1]


def test_inputs_code_and_earlier_stages_decide(tmp_path, code):
    def key(inputs, after=()):
        cache = Cache(tmp_path / "cache", Silent())
        return cache.stage("bank", writes("a", []), code=(code,), inputs=inputs, after=after).key

    first = Cache(tmp_path / "cache", Silent()).stage("data", writes("d", []), code=(), inputs={})
    keys = [key({"n": 1}), key({"n": 2}), key({"n": 1}, (first,))]
    Path(code.__file__).write_text("x = 2\n")
    keys.append(key({"n": 1}))
    assert len(set(keys)) == len(keys)


def test_a_package_counts_with_all_its_modules(tmp_path):
    package = types.ModuleType("package")
    package.__file__ = str(tmp_path / "__init__.py")
    (tmp_path / "__init__.py").write_text("")
    keys = []
    for text in ("x = 1\n", "x = 2\n"):
        (tmp_path / "inner.py").write_text(text)
        cache = Cache(tmp_path / "cache", Silent())
        keys.append(cache.stage("s", writes("a", []), code=(package,), inputs={}).key)
    assert keys[0] != keys[1]


def test_an_edit_during_a_run_does_not_rename_what_the_loaded_code_computes(tmp_path, code):
    keys = []
    for edited in (False, True):
        Path(code.__file__).write_text("x = 1\n")
        cache = Cache(tmp_path / "cache", Silent())
        cache.freeze(code)
        if edited:
            Path(code.__file__).write_text("x = 2\n")
        keys.append(cache.stage("s", writes("a", []), code=(code,), inputs={}).key)
    assert keys[0] == keys[1]


def test_interrupted_stage_is_not_seen_and_keeps_its_files(tmp_path, code):
    cache = Cache(tmp_path / "cache", Silent())

    def breaks(folder: Path) -> None:
        (folder / "checkpoint").write_text("half way")
        raise KeyboardInterrupt

    def resumes(folder: Path) -> None:
        assert (folder / "checkpoint").read_text() == "half way"
        (folder / "result.txt").write_text("done")

    with pytest.raises(KeyboardInterrupt):
        cache.stage("teacher", breaks, code=(code,), inputs={})
    assert not list((tmp_path / "cache").glob("teacher-*"))
    stage = cache.stage("teacher", resumes, code=(code,), inputs={})
    assert not stage.reused
    assert (stage.folder / "result.txt").read_text() == "done"


def test_two_runs_do_not_work_on_one_stage(tmp_path, code):
    cache = Cache(tmp_path / "cache", Silent())

    def meets_another(_folder: Path) -> None:
        script = (
            "import sys, types\n"
            "from pathlib import Path\n"
            "from training.cache import Cache\n"
            "from training.progress import Silent\n"
            "code = types.ModuleType('some_code'); code.__file__ = sys.argv[2]\n"
            "Cache(Path(sys.argv[1]), Silent()).stage(\n"
            "    'teacher', lambda folder: None, code=(code,), inputs={})\n"
        )
        other = subprocess.run(
            [sys.executable, "-c", script, str(cache.root), code.__file__],
            capture_output=True,
            text=True,
            check=False,
        )
        raise UserError(other.stderr, "")

    with pytest.raises(UserError, match="another run is working on the stage 'teacher'"):
        cache.stage("teacher", meets_another, code=(code,), inputs={})


def test_error_without_a_file_name_says_stage_and_folder(tmp_path, code):
    """NumPy says of a full disk `1440000 requested and 1314752 written` and nothing more."""

    def full(_):
        raise OSError("1440000 requested and 1314752 written")

    cache = Cache(tmp_path / "cache", Silent())
    with pytest.raises(UserError, match=r"'bank' cannot write to .*bank.*1440000") as caught:
        cache.stage("bank", full, code=(code,), inputs={})
    assert "disk has room" in caught.value.remedy
    with pytest.raises(FileNotFoundError):
        cache.stage("gone", lambda _: Path("/nowhere/a").touch(), code=(code,), inputs={})
