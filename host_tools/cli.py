"""The command `sotto`: one verb a file, one place where errors become exit codes."""

from __future__ import annotations

from typing import Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from host_tools.commands import (
    ablate,
    arena,
    build,
    compile,
    compress,
    data,
    devices,
    doctor,
    evaluate,
    export,
    flash,
    info,
    listen,
    mlperf,
    new,
    report,
    run,
    settings,
    soak,
    train,
    twin,
    validate,
    words,
)
from host_tools.errors import EXIT_INTERRUPTED, EXIT_USAGE, Interrupted, SottoError
from host_tools.progress import talk_console


class _Verbs(TyperGroup):
    """Turns what a verb raises into a message, a next step and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen verb."""
        try:
            return super().invoke(ctx)
        except SottoError as error:
            raise typer.Exit(_show(error)) from error
        except BrokenPipeError:
            raise  # `sotto info | head`: who reads has enough, which typer ends in silence
        except OSError as error:
            raise typer.Exit(_show(_system_error(error))) from error
        except Interrupted as stopped:
            talk_console().print(stopped.message, markup=False)
            raise typer.Exit(EXIT_INTERRUPTED) from stopped
        except KeyboardInterrupt as stopped:
            talk_console().print("interrupted; run the same command to resume")
            raise typer.Exit(EXIT_INTERRUPTED) from stopped


def _show(error: SottoError) -> int:
    console = talk_console()
    console.print(f"[bold red]error:[/] {escape(error.message)}")
    console.print(f"[bold]next step:[/] {escape(error.remedy)}")
    return error.exit_code


def _system_error(error: OSError) -> SottoError:
    """A file or a disk that failed under us: the system's own words, with the path."""
    where = f"{error.filename}: " if error.filename else ""
    return SottoError(
        f"{where}{error.strerror or error}",
        "Check that the path exists, that you may use it, and that the disk has room.",
        EXIT_USAGE,
    )


app = typer.Typer(
    cls=_Verbs,
    name="sotto",
    help="Turns a list of words into firmware that hears them, and proves it over a serial line.",
    epilog="Exit codes: 0 good, 1 a check failed, 2 usage or device, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
_VERBS = (
    doctor,
    run,
    words,
    train,
    ablate,
    export,
    compile,
    compress,
    arena,
    build,
    devices,
    flash,
    info,
    validate,
    twin,
    listen,
    settings,
    soak,
    evaluate,
    mlperf,
    new,
    report,
)
for verb in _VERBS:
    app.command(verb.__name__.rpartition(".")[2], epilog=verb.EXAMPLE)(verb.command)
app.add_typer(data.app, name="data")


def main() -> None:
    """Entry point of the installed command."""
    app()


if __name__ == "__main__":
    main()
