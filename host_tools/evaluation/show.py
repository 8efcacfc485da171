"""The figures of an evaluation for people, on stdout."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from host_tools.evaluation import DOCUMENT_NAME
from host_tools.evaluation.det import Figures
from host_tools.evaluation.intervals import Rate, Share
from host_tools.evaluation.result import (
    Chosen,
    Document,
    Evaluation,
    StreamResult,
)
from host_tools.progress import result_console


def show(document: Document, out: Path) -> None:
    """Print all models and how they compare."""
    console = result_console()
    for model in document.models:
        _show_model(console, model)
    for pair in document.comparison:
        verdict = (
            f"{pair.better} hears more"
            if pair.better
            else "not ranked: these clips do not tell them apart"
        )
        console.print(
            f"{pair.first} against {pair.second}: right alone {pair.only_first} and "
            f"{pair.only_second} clips, p = {pair.p_value:.3g}; {verdict}",
            markup=False,
        )
    console.print(f"written: {out / DOCUMENT_NAME}", markup=False)


def _show_model(console: Console, one: Evaluation) -> None:
    model, audio = one.model, one.audio
    step = f", a step every {model.step_ms:g} ms" if model.step_ms else ""
    console.print(
        f"{model.name} {model.model_hash[:12]}: {model.form}{step}, heard by {model.heard_by}",
        markup=False,
        style="bold",
    )
    for fold in one.folds:
        reached = fold.accuracy
        console.print(
            f"fold {fold.fold}: {reached.value:.2%} ({_bounds(reached)}) of {reached.trials} clips",
            markup=False,
        )
    console.print(
        f"{audio.clips:,} clips and {audio.negatives:,} other recordings; "
        f"{audio.speakers} speakers are known",
        markup=False,
    )
    if one.clips:
        console.print(_clip_table(one))
        _show_words(console, one)
    if one.chosen is not None:
        _show_streams(console, one, one.chosen)
    if one.speed.times_real_time is not None:
        console.print(
            f"heard {one.speed.audio_s / 3600:.2f} h of audio {one.speed.times_real_time:,.0f} "
            f"times faster than it lasts, {one.speed.jobs} processes",
            markup=False,
        )


def _clip_table(one: Evaluation) -> Table:
    table = Table("single clips", box=None, pad_edge=False)
    for heading in ("right", "of", "accuracy", "95 % interval"):
        table.add_column(heading, justify="right")
    for result in one.clips:
        reached = result.accuracy
        table.add_row(
            result.condition,
            str(reached.hits),
            str(reached.trials),
            f"{reached.value:.2%}",
            _bounds(reached),
        )
    return table


def _show_words(console: Console, one: Evaluation) -> None:
    clean = one.clips[0]
    table = Table(f"{clean.condition}: said", box=None, pad_edge=False)
    for heading in ("accuracy", "95 % interval", "clips"):
        table.add_column(heading, justify="right")
    for label, reached in zip(one.model.labels, clean.per_word, strict=True):
        if reached.trials:
            values = f"{reached.value:.1%}", _bounds(reached), str(reached.trials)
            table.add_row(escape(label), *values)
    console.print(table)
    for worst in clean.worst_speakers:
        reached = worst.accuracy
        console.print(
            f"hard to hear: speaker {worst.speaker}, {reached.hits} of {reached.trials} right "
            f"({_bounds(reached)})",
            markup=False,
        )


def _show_streams(console: Console, one: Evaluation, chosen: Chosen) -> None:
    audio = one.audio
    again = audio.stream_hours - audio.distinct_hours
    repeated = f", {again:.2f} h of them repetitions" if again > 1e-6 else ""
    console.print(
        f"streams: {audio.stream_hours:.2f} h in each condition{repeated}, "
        f"{audio.negative_hours:.2f} h of them other speech and noise; a half of the speakers "
        f"resolves {audio.resolvable_per_hour:.2g} false accepts/h and no less (rule of three)",
        markup=False,
    )
    steps = chosen.smoothing_steps
    console.print(
        f"chosen in {chosen.condition} on one half of the speakers: threshold "
        f"{chosen.threshold:.4f}, average of {steps} step{'s' if steps > 1 else ''} "
        f"({steps * one.model.step_ms:g} ms); wanted {chosen.wanted_per_hour:g} false accepts/h, "
        f"could be held to {chosen.held_per_hour:.2g}/h ({chosen.allowed_events} allowed)",
        markup=False,
    )
    if own := chosen.own_thresholds(one.model.labels):
        listed = ", ".join(f"{label} {value:.4f}" for label, value in own.items())
        console.print(f"thresholds of their own: {listed}", markup=False)
    if not chosen.reached:
        console.print("no setting keeps to that: the one with the fewest was taken", style="red")
    table = Table("reported on the other half", box=None, pad_edge=False)
    for heading in ("missed", "95 % interval", "false/h", "95 % interval", "latency", "90 %"):
        table.add_column(heading, justify="right")
    for result in one.streams:
        table.add_row(result.condition, *_figures(result.reported), *_latency(result))
    console.print(table)
    found = next(result for result in one.streams if result.condition == chosen.condition)
    words = Table(f"{found.condition}: word", box=None, pad_edge=False)
    for heading in ("missed", "95 % interval", "false/h", "95 % interval"):
        words.add_column(heading, justify="right")
    for word in found.words:
        words.add_row(escape(word.word), *_figures(word.reported))
    console.print(words)
    _show_again(console, one)


def _show_again(console: Console, one: Evaluation) -> None:
    """What the gate and a board made of the reported half."""
    for result in one.streams:
        if gate := result.gate:
            miss, bounds, *_ = _figures(gate.figures)
            console.print(
                f"{result.condition}, with the gate: {miss} missed ({bounds}), "
                f"{gate.figures.false_accepts.value:.2f} false/h; the network ran "
                f"in {gate.network_share:.1%} of its steps, asleep {gate.asleep_share:.1%} of them",
                markup=False,
            )
    if heard := one.board_streams:
        console.print(
            f"{one.model.heard_by}, {heard.condition}: {heard.words} words in {heard.hours:.2f} h, "
            f"those of the host program in {heard.stretches - heard.differing} of "
            f"{heard.stretches} stretches; {heard.figures.miss.value:.1%} missed",
            markup=False,
        )


def _figures(figures: Figures) -> tuple[str, str, str, str]:
    miss, false = figures.miss, figures.false_accepts
    return f"{miss.value:.1%}", _bounds(miss), f"{false.value:.2f}", _rate_bounds(false)


def _latency(result: StreamResult) -> tuple[str, str]:
    if result.latency is None:
        return "-", "-"
    return f"{1000 * result.latency.median_s:.0f} ms", f"{1000 * result.latency.p90_s:.0f} ms"


def _bounds(one: Share) -> str:
    return f"{one.low:.1%} to {one.high:.1%}"


def _rate_bounds(one: Rate) -> str:
    return f"{one.low:.2f} to {one.high:.2f}"
