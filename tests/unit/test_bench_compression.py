"""`make bench-compression`: rivals, the plot, and a run of one method on a tiny corpus."""

import json

from tones import write_tones

from host_tools.bench.compression_table import compared, markdown
from host_tools.bench.pareto import pareto_plot, unbeaten
from host_tools.commands._bench_compression import main
from training.compression_bench import METHODS, narrower, rival_of, tuned
from training.recipe import StudentConfig
from training.recipe_compress import CalibrateConfig, PruneConfig, read_steps


def test_every_method_is_a_list_of_steps():
    for name, text in METHODS.items():
        steps = read_steps(
            text.format(half_instructions=1_000, student_epochs=9, learning_rate=0.01)
        )
        assert steps, name
    assert tuned((PruneConfig(), CalibrateConfig()), 3) == (
        PruneConfig(epochs=3),
        CalibrateConfig(),
    )


def test_a_narrower_student_has_multiples_of_four_channels():
    whole = StudentConfig(architecture="temporal", width=40, stem_width=32)
    found = narrower(whole, 0.5)
    assert (found.width, found.stem_width) == (20, 16)
    assert narrower(StudentConfig(width=40), 0.5).stem_width == 0
    assert narrower(whole, 0.01).width == 4


def row(name, kind, flash, right, needs=""):
    figures = {"flash_bytes": flash, "instructions": flash, "right": right, "accuracy": right / 100}
    return {"name": name, "kind": kind, "needs": needs, "figures": figures}


def test_the_rival_takes_no_more_flash():
    smaller = [row("a", "rival", 100, 80), row("b", "rival", 90, 85), row("c", "baseline", 200, 95)]
    assert rival_of({"flash_bytes": 150}, smaller) == "b"
    assert rival_of({"flash_bytes": 200}, smaller) == "c"
    assert rival_of({"flash_bytes": 80}, smaller) is None


def test_methods_are_compared_clip_by_clip():
    rows = [
        row("whole", "baseline", 200, 3) | {"heard": "11101"},
        row("small", "rival", 90, 2) | {"heard": "11000"},
        row("pruned", "method", 100, 3) | {"heard": "01110", "rival": "small"},
        {"name": "none", "kind": "method", "failed": "nothing to split"},
    ]
    found = compared(rows)
    assert found[0]["against"] == {}
    assert found[2]["against"] == {
        "baseline": {"won": 1, "lost": 2, "p": 1.0},
        "rival": {"won": 2, "lost": 1, "p": 1.0},
    }
    assert found[3]["against"] == {}


def test_what_nothing_beats_is_named_in_the_plot():
    assert unbeaten([(3, 9), (1, 5), (2, 4), (2, 7), (3, 8)]) == [1, 3, 0]
    rows = [
        row("whole", "baseline", 200, 95),
        row("beaten", "method", 190, 60),
        row("pruned", "method", 100, 90),
        row("packed", "method", 50, 94, "kernels"),
        {"name": "none", "kind": "method", "needs": "", "failed": "nothing to split"},
    ]
    text = pareto_plot(rows)
    assert text.startswith("<svg")
    assert text == pareto_plot(rows)
    shown = [name for name in ("whole", "beaten", "pruned", "packed") if f">{name}<" in text]
    assert shown == ["whole", "pruned"]
    assert ">86<" in text, "accuracy has a scale"
    assert ">65<" not in text, "what is far worse takes no room"


def test_a_run_of_one_method_writes_its_rows(tmp_path, capsys):
    place = write_tones(tmp_path)
    arguments = ["--recipe", str(place / "tones.toml"), "--data", str(place / "words")]
    arguments += [
        "--out",
        str(tmp_path / "out"),
        "--epochs",
        "1",
        "--method",
        "calibration: squared error",
    ]
    assert main([*arguments, "--method", "cp"]) == 0
    results = json.loads((tmp_path / "out" / "compression.json").read_text())
    kinds = [one["kind"] for one in results["rows"]]
    assert kinds == ["baseline", "rival", "method", "method"], "no two rivals of one width"
    rival, calibrated, refused = results["rows"][1:]
    assert rival["figures"]["parameters"] < results["rows"][0]["figures"]["parameters"]
    assert calibrated["figures"]["clips"] == len(calibrated["heard"])
    assert calibrated["figures"]["right"] == calibrated["heard"].count("1")
    assert calibrated["rival"] in (rival["name"], "int8 student", None)
    assert "no convolution over two axes" in refused["failed"]
    told = capsys.readouterr().out
    assert all(one["name"] in told for one in results["rows"])
    table = (tmp_path / "out" / "compression.md").read_text()
    assert table == markdown(results["rows"])
    assert all(one["name"] in table for one in results["rows"])
    assert (tmp_path / "out" / "compression.svg").read_text().startswith("<svg")
    assert main([*arguments[:-1], "nothing"]) == 2
    assert "there is no method 'nothing'" in capsys.readouterr().err
