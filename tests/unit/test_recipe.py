"""Recipes: what they default to, and what every mistake says."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from training.errors import UserError
from training.quick import quick
from training.recipe import (
    AugmentConfig,
    FrontendConfig,
    Recipe,
    TeacherConfig,
    WordsConfig,
    load_recipe,
    shipped_recipes,
)
from training.recipe_reader import line_of

GOOD = 'name = "mine"\n\n[words]\nkeywords = ["on", "off"]\n'

# text after GOOD, line that is blamed, parts of the message, part of the remedy
MISTAKES = [
    ("[augment]\npases = 3\n", 6, ["unknown key augment.pases = 3"], "Did you mean passes?"),
    ("[augmnt]\npasses = 3\n", 5, ["unknown section augmnt"], "Did you mean augment?"),
    ("[zebra]\n", 5, ["unknown section zebra"], "Known here: name, words"),
    ("[augment]\n\nshift_s = 0.1\n", 7, ["augment.shift_s = 0.1"], "use shift_ms, in ms"),
    ("[augment]\nshift = 100\n", 6, ["augment.shift = 100"], "use shift_ms, in ms"),
    ('[augment]\nshift_ms = "100 ms"\n', 6, ["'100 ms'", "not a number"], "in ms, without quotes"),
    ('[[teachers]]\nepochs = "ten"\n', 6, ["'ten'", "not a whole number"], "Give a whole number."),
    ("[[teachers]]\nepochs = 2.5\n", 6, ["2.5", "not a whole number"], "Give a whole number."),
    ("[[teachers]]\nepochs = true\n", 6, ["true", "not a whole number"], "Give a whole number."),
    ("[[teachers]]\nepochs = 0\n", 6, ["epochs: 0 is out of range"], "from 1 to"),
    ("[data]\ntest_percent = 90\n", 6, ["test_percent: 90.0 is out of range"], "from 1.0 to 40.0"),
    ("[synthesis]\nenabled = 1\n", 6, ["= 1 is not true or false"], "Give true or false."),
    ("[target]\nbackend = 'cmsis'\n", 6, ["'cmsis'"], "aot, tflm"),
    ("[target]\nboard = 7\n", 6, ["7 is not a text"], "in quotes"),
    ('[student]\narchitecture = "gpt"\n', 6, ["'gpt'"], "ds_cnn"),
    ("[augment]\ngain_min_db = 12\n", 6, ["12.0 is above gain_max_db"], "Swap"),
    (f"[augment]\nshift_ms = 1{'0' * 400}\n", 6, ["not a number that fits a float"], "Give"),
    ("[teacher\n", None, ["not valid TOML"], "Mend the line"),
    ("teacher = 3\n", 5, ["unknown key words.teacher = 3"], "Known here"),
]


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "line", "parts", "remedy"), MISTAKES)
def test_mistake_names_file_line_value_and_remedy(tmp_path, text, line, parts, remedy):
    path = write(tmp_path, GOOD + text)
    with pytest.raises(UserError) as caught:
        load_recipe(path)
    place = str(path) if line is None else f"{path}:{line}: "
    assert caught.value.message.startswith(place)
    for part in parts:
        assert part in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("keywords", "part"),
    [
        ("[]", "the list is empty"),
        ('["on", "on"]', "a word stands twice"),
        ('["_on"]', "'_on' cannot be a word"),
        ('["a/b"]', "'a/b' cannot be a word"),
        ('[""]', "'' cannot be a word"),
        ('[".."]', "'..' cannot be a word"),
        ('[".on"]', "'.on' cannot be a word"),
        ('["o\\nn"]', "cannot be a word"),
        ('["On", "on"]', "'on' and 'On' are one folder"),
        ('["on", 3]', "not a list of texts"),
        ('"on"', "not a list of texts"),
    ],
)
def test_words_are_checked(tmp_path, keywords, part):
    path = write(tmp_path, f'name = "mine"\n[words]\nkeywords = {keywords}\n')
    with pytest.raises(UserError, match="keywords") as caught:
        load_recipe(path)
    assert caught.value.message.startswith(f"{path}:3: ")
    assert part in caught.value.message


def test_endless_nesting_is_an_error_of_the_user(tmp_path):
    with pytest.raises(UserError, match="nested too deeply"):
        load_recipe(write(tmp_path, f"name = {'[' * 5_000}{']' * 5_000}\n"))


def test_missing_file_and_missing_key_are_named(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        load_recipe(tmp_path / "nowhere.toml")
    with pytest.raises(UserError, match="words is missing"):
        load_recipe(write(tmp_path, 'name = "mine"\n'))


def test_file_in_another_encoding_is_an_error_of_the_user(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_bytes(b'name = "\xff\xfe"\n')
    with pytest.raises(UserError, match="cannot read the recipe"):
        load_recipe(path)


def test_values_and_defaults(tmp_path):
    text = GOOD + "silence = false\n[[teachers]]\nepochs = 3\nlearning_rate = 1\n"
    recipe = load_recipe(write(tmp_path, text))
    assert recipe.words.labels == ("on", "off", "_unknown_")
    assert recipe.teachers == (TeacherConfig(epochs=3, learning_rate=1.0),)
    assert recipe.frontend == FrontendConfig()
    assert recipe.frontend.frames == 49


def test_sections_built_in_python_are_checked_too():
    with pytest.raises(UserError, match=r"passes: 0 is out of range"):
        AugmentConfig(passes=0)
    with pytest.raises(FrozenInstanceError):
        AugmentConfig().passes = 2


def test_hash_follows_every_value():
    recipe = Recipe("mine", WordsConfig(("on", "off")))
    same = Recipe("mine", WordsConfig(("on", "off")))
    other = replace(recipe, frontend=replace(recipe.frontend, mel_bins=41))
    assert recipe.recipe_hash == same.recipe_hash
    assert recipe.recipe_hash != other.recipe_hash
    assert len(recipe.recipe_hash) == 64


def test_quick_only_shortens():
    recipe = Recipe("mine", WordsConfig(("on", "off")))
    short = quick(recipe)
    assert short.teachers[0].epochs < recipe.teachers[0].epochs
    assert short.augment.passes < recipe.augment.passes
    assert short.student == replace(recipe.student, epochs=short.student.epochs)
    assert short.teacher_augment is None
    stronger = quick(replace(recipe, teacher_augment=recipe.augment)).teacher_augment
    assert stronger == short.augment
    assert quick(short) == short


def test_no_teacher_learns_from_what_teachers_label(tmp_path):
    text = 'name = "mine"\n[words]\nkeywords = ["on"]\n[teacher_augment]\nmix_passes = 3\n'
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"mine\.toml:4: teacher_augment: mix_passes are labelled"):
        load_recipe(path)
    path.write_text(text.replace("mix_passes", "passes"))
    stronger = load_recipe(path).teacher_augment
    assert stronger is not None
    assert stronger.passes == 3


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_shipped_recipes_load(name):
    assert load_recipe(shipped_recipes()[name]).name == name


@pytest.mark.parametrize(
    ("text", "keys", "line"),
    [
        ("a = 1\nb = 2\n", ("b",), 2),
        ("[s]\nb = 1\n[t]\nb = 2\n", ("t", "b"), 4),
        ("# b = 0\n[ s ] # here\n  b=1\n", ("s", "b"), 3),
        ("s.b = 1\n", ("s", "b"), 1),
        ("x = 1\n[s]\nt = { b = 1 }\n", ("s", "t", "b"), 3),
        ('x = 1\n["s"]\n"b" = 1\n', ("s", "b"), 3),
    ],
)
def test_line_of_a_key(text, keys, line):
    assert line_of(text, keys) == line
