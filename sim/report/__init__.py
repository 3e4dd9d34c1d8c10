"""Reports: pure functions of a `SuiteResult`, traces of a `Recording`. No run, no clock, no network."""

from sim.model.errors import ReportError, ResultError
from sim.report.console import render as render_console
from sim.report.github import render as render_github
from sim.report.html import render as render_html
from sim.report.resultfile import dump as dump_result
from sim.report.resultfile import load as load_result
from sim.report.tracelines import render as render_trace
from sim.report.write import Written, write_all, write_file, write_plots, write_rendered, write_trace_files

__all__ = [
    "ReportError",
    "ResultError",
    "Written",
    "dump_result",
    "load_result",
    "render_console",
    "render_github",
    "render_html",
    "render_trace",
    "write_all",
    "write_file",
    "write_plots",
    "write_rendered",
    "write_trace_files",
]
