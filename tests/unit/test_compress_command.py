"""`[[compress]]`, `--steps` and `sotto compress` on a tiny corpus."""

import json

import pytest
from tones import write_tones
from typer.testing import CliRunner

from host_tools.cli import app
from training.errors import UserError
from training.export.reader import read_tflite
from training.recipe import load_recipe
from training.recipe_compress import (
    CalibrateConfig,
    LowRankConfig,
    PruneConfig,
    StepConfig,
    read_steps,
)

STEPS = (
    "prune share=0.5 importance=taylor epochs=1 clips=8 multiple=2; calibrate method=mse clips=8"
)


def test_steps_read_as_in_a_recipe(tmp_path):
    text = 'name = "x"\n[words]\nkeywords = ["a"]\n'
    text += '[[compress]]\nstep = "prune"\nshare = 0.25\n[[compress]]\nstep = "low_rank"\n'
    (tmp_path / "x.toml").write_text(text)
    listed = (PruneConfig(share=0.25), LowRankConfig())
    assert load_recipe(tmp_path / "x.toml").compress == listed
    assert read_steps("prune share=0.25; low_rank") == listed
    found = read_steps("calibrate method=percentile percentile=99 symmetric=true")
    assert found == (CalibrateConfig(method="percentile", percentile=99.0, symmetric=True),)


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("prun share=0.5", "unknown step 'prun'", "Did you mean prune?"),
        ("", "unknown step ''", "Use one of: "),
        ("prune share", "'share' of the step 'prune' is no setting", "key=value"),
        ("prune shar=0.5", "unknown key", "Did you mean share?"),
        ("prune share=half", "'half' is not a number", "Give a number."),
        ("prune share=2", "share: 2.0 is out of range", "Give a value from 0.0 to 0.99."),
        ("prune scope=local", "'local' is not one of its values", "global, layer"),
        ("equalise; prune rounds=0", "rounds: 0 is out of range", "from 1 to 100"),
    ],
)
def test_mistakes_in_steps_are_named(text, message, remedy):
    with pytest.raises(UserError) as caught:
        read_steps(text)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_a_mistake_in_a_recipe_has_its_line(tmp_path):
    path = tmp_path / "x.toml"
    base = 'name = "x"\n[words]\nkeywords = ["a"]\n[[compress]]\nstep = "equalise"\n[[compress]]\n'
    path.write_text(base + 'step = "prune"\nscope = 3\n')
    with pytest.raises(UserError, match=r"x\.toml:8: .*scope = 3 is not a text"):
        load_recipe(path)
    path.write_text(base + "share = 0.5\n")
    with pytest.raises(UserError, match=r"x\.toml:6: no step"):
        load_recipe(path)


def test_every_step_of_a_recipe_exists():
    from training.compress.steps import STEPS as KNOWN

    named = {kind.__dataclass_fields__["step"].default for kind in StepConfig.__args__}
    assert named == set(KNOWN)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_tones(tmp_path_factory.mktemp("place"))


def compress(place, source, *options):
    arguments = ["compress", str(source), "--data", str(place / "words")]
    return CliRunner().invoke(app, [*arguments, "--work", str(place / "work"), *options])


def test_a_recipe_is_trained_compressed_and_kept(place):
    out = place / "work" / "compressed"
    done = compress(place, place / "tones.toml", "--steps", STEPS, "--json")
    assert done.exit_code == 0, done.output
    results = json.loads(done.stdout)
    assert json.loads((out / "compression.json").read_text()) == results
    assert [step["step"] for step in results["steps"]] == ["prune", "calibrate"]
    before, (pruned, calibrated) = results["before"], results["steps"]
    assert pruned["before"] == before
    assert calibrated["before"] == pruned["after"]
    for key in ("parameters", "macs"):
        assert pruned["after"][key] < before[key], key
    assert calibrated["after"]["parameters"] == pruned["after"]["parameters"]
    assert 0 <= before["low"] <= before["accuracy"] <= before["high"] <= 1
    read_tflite((out / "model.tflite").read_bytes())

    cache = place / "work" / "cache"
    stages = sorted(path.name for path in cache.iterdir())
    longer = compress(place, place / "tones.toml", "--steps", STEPS + "; correct_bias clips=8")
    assert longer.exit_code == 0, longer.output
    assert "correct_bias" in longer.stdout
    # `sotto train` takes the steps of the recipe, from the same cache.
    listed = (
        (place / "tones.toml").read_text()
        + """
[[compress]]
step = "prune"
share = 0.5
importance = "taylor"
epochs = 1
clips = 8
multiple = 2
"""
    )
    (place / "smaller.toml").write_text(listed)
    arguments = ["train", str(place / "smaller.toml"), "--data", str(place / "words")]
    arguments += ["--work", str(place / "work"), "--out", str(place / "generated")]
    trained = CliRunner().invoke(app, arguments)
    assert trained.exit_code == 0, trained.output
    rows = json.loads((place / "work" / "results.json").read_text())["models"]
    assert [row["name"] for row in rows[-2:]] == ["student, compressed", "student, int8"]
    assert rows[-2]["parameters"] == pruned["after"]["parameters"] < rows[-3]["parameters"]

    added = sorted(set(path.name for path in cache.iterdir()) - set(stages))
    assert [name.rpartition("-")[0] for name in added] == ["compress-3-correct-bias"]

    again = compress(
        place,
        out / "network.h5",
        "--recipe",
        str(place / "tones.toml"),
        "--steps",
        "prune granularity=weights share=0.5 epochs=0",
        "--out",
        str(place / "again"),
    )
    assert again.exit_code == 0, again.output
    assert (
        "not deployable yet: it needs kernels for zeros that are not in blocks of four"
        in again.stdout
    )
    exported = CliRunner().invoke(
        app, ["compile", str(place / "again" / "model.tflite"), "--no-code"]
    )
    assert exported.exit_code == 2
    assert "which sotto does not have yet" in exported.output


def test_what_cannot_be_compressed_is_refused(place):
    recipe = place / "tones.toml"
    (place / "no.h5").write_text("no network")
    for source, options, message in (
        (recipe, (), "has no [[compress]]"),
        (place / "none.toml", (), "does not exist"),
        (place / "none.h5", (), "does not exist"),
        (place / "no.h5", ("--steps", "equalise"), "does not say which words"),
        (
            place / "no.h5",
            ("--steps", "equalise", "--recipe", str(recipe)),
            "no network that Keras",
        ),
    ):
        done = compress(place, source, *options)
        assert done.exit_code == 2, done.output
        assert message in " ".join(done.output.split())
    text = recipe.read_text() + '[[compress]]\nstep = "prune"\ngranularity = "weights"\n'
    (place / "blocks.toml").write_text(text)
    done = CliRunner().invoke(
        app,
        [
            "train",
            str(place / "blocks.toml"),
            "--data",
            str(place / "words"),
            "--work",
            str(place / "other"),
            "--out",
            str(place / "generated"),
        ],
    )
    assert done.exit_code == 2
    assert "needs kernels for zeros that are not in blocks of four" in " ".join(done.output.split())
