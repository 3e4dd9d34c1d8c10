"""What the user's code does wrong while it is built or run, told at the place in the file that names it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sim.faults import FactoryError
from sim.load import PayloadError, ShapeError
from sim.loader import ScenarioError, place_of
from sim.model.custom import CustomCheckError
from sim.services import ServiceError
from sim.subject import SubjectError
from sim.subject.limits import NoLimitsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.loader import LoadedScenario, Problem


@contextmanager
def user_errors(loaded: LoadedScenario) -> Iterator[None]:
    """Inside, what the code of a scenario does wrong becomes a problem of its file.

    Raises:
        ScenarioError: a function that the file names failed, the flow cannot be driven, or code ended the process.

    """
    try:
        yield
    except NoLimitsError as error:
        problem = loaded.problem("override", error.message, rule=error.rule, fix=error.fix)
        raise ScenarioError([problem]) from error
    except SubjectError as error:
        raise ScenarioError([_of_flow(loaded, error)]) from error
    except ServiceError as error:
        raise ScenarioError([_of_service(loaded, error)]) from error
    except PayloadError as error:
        raise ScenarioError([loaded.problem("load.payload", str(error))]) from error
    except ShapeError as error:
        raise ScenarioError([loaded.problem("load.shape", str(error))]) from error
    except FactoryError as error:
        raise ScenarioError([_of_factory(loaded, error)]) from error
    except CustomCheckError as error:
        raise ScenarioError([_of_check(loaded, error)]) from error
    except SystemExit as error:
        raise ScenarioError([_of_exit(loaded, error)]) from error


def _of_flow(loaded: LoadedScenario, error: SubjectError) -> Problem:
    place = place_of(error.__cause__, loaded.folder) if error.__cause__ is not None else ""
    message = f"{error.message} ({place})" if place else error.message
    return loaded.problem("flow", message, rule=error.rule, fix=error.fix)


def _of_factory(loaded: LoadedScenario, error: FactoryError) -> Problem:
    position = next(index for index, fault in enumerate(loaded.scenario.faults) if fault.id == error.fault)
    place = place_of(error.__cause__, loaded.folder) if error.__cause__ is not None else ""
    message = f"{error} ({place})" if place else str(error)
    rule = "a factory gives something with async apply(call, proceed)"
    return loaded.problem(f"faults[{position}].factory", message, rule=rule, fix="see docs/faults.md")


def _of_check(loaded: LoadedScenario, error: CustomCheckError) -> Problem:
    position = next(index for index, check in enumerate(loaded.scenario.checks) if check.id == error.check)
    place = place_of(error.__cause__, loaded.folder) if error.__cause__ is not None else ""
    message = f"{error.message} ({place})" if place else error.message
    return loaded.problem(f"checks[{position}].check", message, rule=error.rule, fix=error.fix)


def _of_service(loaded: LoadedScenario, error: ServiceError) -> Problem:
    place = place_of(error.__cause__, loaded.folder) if error.__cause__ is not None else ""
    message = f"{error.message} ({place})" if place else error.message
    path = f"world.services.{error.service}.{error.key}"
    return loaded.problem(path, message, rule=error.rule, fix=error.fix)


def _of_exit(loaded: LoadedScenario, error: SystemExit) -> Problem:
    message = f"code of the flow ends the process: SystemExit: {error.code} ({place_of(error, loaded.folder)})"
    rule = "the process belongs to the run; a node that gives up raises an exception of its own"
    return loaded.problem("flow", message, rule=rule, fix="take sys.exit() out of that line")
