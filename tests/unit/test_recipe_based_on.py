"""A recipe that is based on another one says only what is different."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.errors import UserError
from training.recipe import Recipe, load_recipe, shipped_recipes

BASE = """name = "base"
[words]
keywords = ["on", "off"]
[student]
width = 24
epochs = 7
[[teachers]]
epochs = 3
[[teachers]]
architecture = "temporal"
"""
OWN = 'based_on = "below/base.toml"\nname = "own"\n'


def load(folder: Path, own: str, base: str = BASE) -> Recipe:
    (folder / "below").mkdir(exist_ok=True)
    (folder / "below/base.toml").write_text(base)
    (folder / "own.toml").write_text(own)
    return load_recipe(folder / "own.toml")


def test_what_is_not_said_is_as_in_the_base(tmp_path: Path) -> None:
    recipe = load(tmp_path, OWN + "[student]\nwidth = 20\n")
    assert recipe.name == "own"
    assert recipe.words.keywords == ("on", "off")
    assert (recipe.student.width, recipe.student.epochs) == (20, 7)
    assert [one.architecture for one in recipe.teachers] == ["res_ds_cnn", "temporal"]


def test_a_list_counts_as_one_value(tmp_path: Path) -> None:
    recipe = load(tmp_path, OWN + "[[teachers]]\nepochs = 5\n")
    assert [one.epochs for one in recipe.teachers] == [5]


def test_a_base_has_a_base_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "third.toml").write_text(OWN.replace("below/base", "own") + "seed = 9\n")
    load(tmp_path, OWN + "[student]\nwidth = 20\n")
    recipe = load_recipe(tmp_path / "third.toml")
    assert (recipe.seed, recipe.student.width, recipe.student.epochs) == (9, 20, 7)


def test_the_hash_is_that_of_the_same_recipe_in_one_file(tmp_path: Path) -> None:
    whole = BASE.replace('"base"', '"own"').replace("24", "20")
    (tmp_path / "whole.toml").write_text(whole)
    recipe = load(tmp_path, OWN + "[student]\nwidth = 20\n")
    assert recipe.recipe_hash == load_recipe(tmp_path / "whole.toml").recipe_hash


@pytest.mark.parametrize(
    ("own", "base", "message"),
    [
        (OWN, BASE.replace("width = 24", "width = 2"), r"base\.toml:5: width: 2 is out of range"),
        (OWN, BASE.replace("epochs = 3", "epochs = 0"), r"base\.toml:8: epochs: 0 is out of"),
        (OWN, BASE.replace("epochs = 7", "epoch = 7"), r"base\.toml:6: unknown key student\.epoch"),
        (OWN + "[student]\nwidth = 2\n", BASE, r"own\.toml:4: width: 2 is out of range"),
        (OWN, BASE.replace("keywords", "#"), r"own\.toml:1: keywords: the list is empty"),
        (OWN, 'based_on = "../own.toml"\n', r"base\.toml:1: based_on leads back to .*own\.toml"),
        (
            OWN.replace("base.toml", "no.toml"),
            BASE,
            r"own\.toml:1: based_on: there is no",
        ),
        ("based_on = 3\n" + OWN[32:], BASE, r"own\.toml:1: based_on = 3 is not a text"),
        (OWN, "name = \n", r"base\.toml: not valid TOML"),
    ],
)
def test_errors_name_the_file_that_has_the_mistake(
    tmp_path: Path, own: str, base: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load(tmp_path, own, base)


def test_shipped_students_share_everything_before_the_student() -> None:
    recipes = {name: load_recipe(path) for name, path in shipped_recipes().items()}
    for name in ("commands12_small", "commands12_spectro", "commands12_large"):
        for part in ("words", "data", "frontend", "augment", "teacher_augment", "teachers", "seed"):
            assert getattr(recipes[name], part) == getattr(recipes["commands12"], part)
