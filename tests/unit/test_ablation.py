"""`sotto ablate`: which arms a recipe has, how they are compared, and a run on a tiny corpus."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tones import write_tones
from typer.testing import CliRunner

from host_tools.cli import app
from host_tools.evaluation.ablation import outcomes, verdict
from host_tools.statistics import wilson_interval
from training.ablation import arms, chosen_arms
from training.errors import UserError
from training.recipe import AugmentConfig, Recipe, WordsConfig
from training.recipe_distillation import DistillationConfig, ExternalTeacherConfig

PLAIN = Recipe(name="two", words=WordsConfig(("yes", "no")))
LOSSES = ["decoupled", "features", "attention", "distance", "angle", "similarity"]
ALWAYS = ["soft targets", "labels only", *LOSSES, "features, scheduled", "rounds"]
OUTSIDE = ExternalTeacherConfig(path="x.onnx", labels=("yes", "no"))


def named(recipe):
    return {arm.name: arm for arm in arms(recipe)}


def test_a_plain_recipe_tries_what_needs_nothing_from_outside():
    assert list(named(PLAIN)) == ALWAYS
    assert [arm.name for arm in arms(PLAIN) if not arm.taught] == ["labels only"]


def test_every_arm_adds_its_part_alone_to_soft_targets():
    config = DistillationConfig(
        temperature=3.0,
        attention_weight=7.0,
        schedule="linear",
        warm_up_share=0.2,
        unlabelled="more",
        spoken_clips=10,
        rounds=3,
    )
    whole = replace(
        PLAIN,
        distillation=config,
        augment=AugmentConfig(mix_passes=3),
        external_teachers=(OUTSIDE,),
    )
    found = named(whole)
    data = ["mixes", "unlabelled", "spoken"]
    assert list(found) == [*ALWAYS[:-1], *data, "rounds", "external", "the whole recipe"]
    assert found["the whole recipe"].recipe == whole
    plain = found["soft targets"].recipe
    assert plain.external_teachers == ()
    assert plain.distillation == DistillationConfig(temperature=3.0, mixes=False)
    expected = {
        "labels only": {},
        "decoupled": {"soft_loss": "decoupled"},
        "features": {"feature_weight": 1.0},
        "attention": {"attention_weight": 7.0},
        "distance": {"distance_weight": 1.0},
        "angle": {"angle_weight": 1.0},
        "similarity": {"similarity_weight": 1.0},
        "features, scheduled": {
            "feature_weight": 1.0,
            "schedule": "linear",
            "warm_up_share": 0.2,
        },
        "mixes": {"mixes": True},
        "unlabelled": {"unlabelled": "more"},
        "spoken": {"spoken_clips": 10},
        "rounds": {"rounds": 3},
    }
    for name, changes in expected.items():
        changed = replace(plain.distillation, **changes)
        assert found[name].recipe == replace(plain, distillation=changed), name
    assert found["external"].recipe == replace(plain, external_teachers=(OUTSIDE,))


def test_the_whole_recipe_is_an_arm_only_where_no_other_is_that():
    assert "the whole recipe" not in named(replace(PLAIN, augment=AugmentConfig(mix_passes=3)))
    both = DistillationConfig(feature_weight=1.0, mixes=False)
    assert "the whole recipe" not in named(replace(PLAIN, distillation=both))
    assert "the whole recipe" in named(replace(PLAIN, distillation=replace(both, angle_weight=2.0)))


def test_external_teachers_alone_teach_every_arm():
    alone = replace(PLAIN, teachers=(), external_teachers=(OUTSIDE,))
    assert list(named(alone)) == ["soft targets", "labels only", "decoupled", "rounds"]
    assert all(arm.recipe.external_teachers for arm in arms(alone))


def test_chosen_arms_come_with_the_one_they_are_compared_with():
    chosen = [arm.name for arm in chosen_arms(PLAIN, ["rounds", "angle"])]
    assert chosen == ["soft targets", "angle", "rounds"]
    with pytest.raises(UserError, match="has no arm 'mixes'") as caught:
        chosen_arms(PLAIN, ["mixes"])
    assert "similarity" in caught.value.remedy


def test_arms_are_told_apart_by_clips_and_not_by_students():
    # Two students of each arm on 200 clips. Of the second arm both miss 40, of the third one
    # misses 5.
    first = np.full(200, 2)
    worse, near = first.copy(), first.copy()
    worse[:40], near[:5] = 0, 1
    found = outcomes({"soft targets": first, "features": worse, "angle": near}, students=2)
    assert [one.accuracy for one in found] == [1.0, 0.8, pytest.approx(0.9875)]
    assert (found[1].low, found[1].high) == wilson_interval(160, 200)
    assert found[1].difference == pytest.approx(-0.2)
    assert (found[1].better, found[1].worse) == (0, 40)
    assert (found[2].better, found[2].worse) == (0, 5)
    assert found[2].p_value == pytest.approx(2 * 0.5**5), "McNemar; the last one in Holm's order"
    assert found[1].p_value == pytest.approx(2 * 2 * 0.5**40), "twice: one of two comparisons"
    shown = [verdict(vars(one), number == 0) for number, one in enumerate(found)]
    assert shown == ["the measure", "worse", "not told apart"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_tones(tmp_path_factory.mktemp("place"))


def ablate(place, *options):
    arguments = ["ablate", str(place / "tones.toml"), "--data", str(place / "words")]
    done = CliRunner().invoke(app, [*arguments, "--work", str(place / "work"), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_run_trains_each_arm_once_and_shows_a_table(place):
    parts = ("--part", "labels only", "--part", "features", "--part", "mixes")
    results = json.loads(ablate(place, *parts, "--json"))
    assert json.loads((place / "work" / "ablation.json").read_text()) == results
    names = ["soft targets", "labels only", "features", "mixes"]
    assert [arm["name"] for arm in results["arms"]] == names
    for arm in results["arms"]:
        assert 0.0 <= arm["low"] <= arm["accuracy"] <= arm["high"] <= 1.0
    cache = place / "work" / "cache"
    trained = sorted(path.name for path in cache.glob("student-*"))
    assert len(trained) == len(names), "every arm is another training"
    assert len(list(cache.glob("teacher-res_ds_cnn-????????????????"))) == 1, "one teacher for all"
    weights = {(path / "weights.h5").read_bytes() for path in cache.glob("student-*")}
    assert len(weights) == len(names), "and each of them ends elsewhere"

    table = ablate(place, *parts)
    assert sorted(path.name for path in cache.glob("student-*")) == trained, "nothing anew"
    for words in (
        "student by",
        "labels only",
        "the measure",
        "McNemar",
        f"{results['clips']} test",
    ):
        assert words in table
