"""The report for CI systems: JUnit XML, one test case a target.

A missed target is a failure; what proves nothing is an error. Source of the form:
https://github.com/testmoapp/junitxml
"""

from pathlib import Path
from xml.etree import ElementTree as ET

from loadtest.report import words
from loadtest.verdict.judge import Ruling, TargetOutcome
from loadtest.verdict.verdict import Verdict, VerdictWord


def write(path: Path, scenario: str, verdict: Verdict, took_s: float) -> None:
    """Write the verdict on `scenario`."""
    ET.ElementTree(suite(scenario, verdict, took_s)).write(
        path, encoding="utf-8", xml_declaration=True
    )


def suite(scenario: str, verdict: Verdict, took_s: float) -> ET.Element:
    """Return the element `testsuite`; the run itself is its first case."""
    cases = [_run(scenario, verdict), *(_case(scenario, each) for each in verdict.rulings)]
    root = ET.Element(
        "testsuite",
        name=f"tidemill-load {scenario}",
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        time=f"{took_s:.3f}",
    )
    root.extend(cases)
    return root


def _run(scenario: str, verdict: Verdict) -> ET.Element:
    case = ET.Element("testcase", classname=scenario, name="the run is valid")
    if verdict.word is VerdictWord.INTERRUPTED:
        ET.SubElement(case, "error", message="interrupted")
    elif verdict.doubts:
        ET.SubElement(case, "error", message="; ".join(verdict.doubts))
    return case


def _case(scenario: str, ruling: Ruling) -> ET.Element:
    case = ET.Element("testcase", classname=scenario, name=ruling.target.text)
    told = f"{words.value(ruling, ruling.value)} ({words.interval(ruling) or 'no interval'})"
    if ruling.outcome is TargetOutcome.MISSED:
        ET.SubElement(case, "failure", message=told)
    elif ruling.outcome is TargetOutcome.UNDECIDED:
        ET.SubElement(case, "error", message=ruling.why)
    else:
        ET.SubElement(case, "system-out").text = told
    return case
