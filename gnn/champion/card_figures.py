"""What a model card says of evaluation, calibration, slices, challengers and the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnn.champion.markdown import escaped, listed, span_text, table

Body = Mapping[str, Any]

_MODELS = {
    "null": "the same for everybody",
    "degree": "numbers of counterparties alone",
    "gbdt_own": "boosted trees without a graph",
    "gbdt_graph": "boosted trees over neighbour columns too",
    "gnn": "the network alone",
    "default": "additive trees and network",
}


def evaluation_text(evaluation: Body) -> str:
    """Figures of every model on the test cases."""
    test = evaluation["test"]
    rows = []
    for name, figures in evaluation["models"].items():
        served = name == evaluation["champion"]
        difference = evaluation["differences"][name]["auc"]
        rows.append(
            [
                f"**{escaped(name)}** (served)" if served else escaped(name),
                *(f"{figures[figure]:.3f}" for figure in ("auc", "ap", "ks", "brier", "ece")),
                f"{figures['lift5']:.1f}",
                "" if served else span_text(difference),
            ]
        )
    headings = ("model", ">AUC", ">AP", ">KS", ">Brier", ">ECE", ">lift 5 %", ">served less it (AUC)")
    return (
        f"{test['n']:,} cases that nothing was fitted on, {test['positives']:,} bad "
        f"({test['positives'] / test['n']:.1%}), {escaped(test['from'])} to {escaped(test['to'])}. "
        "Intervals: 95 %, resampling parties.\n\n"
        f"{table(headings, rows)}\n\n"
        f"Inherited parts make up {evaluation['inherited_share']:.0%} of all parts' mean size."
    )


def calibration_text(evaluation: Body) -> str:
    """Whether stated odds were kept, and whether the bad rate has moved."""
    found = evaluation.get("calibration")
    if found is None:
        return "Not stored with this model."
    low, observed, high = found["observed"]
    apart = "" if low <= found["predicted"] <= high else (
        " **The mean is off beyond chance: the bad rate has moved since validation.**"
    )  # fmt: skip
    return (
        listed(
            {
                "Intercept (0 is perfect)": span_text(found["intercept"]),
                "Slope (1 is perfect)": span_text(found["slope"]),
                "Bad rate": f"{observed:.2%} [{low:.2%}, {high:.2%}] seen, "
                f"{found['predicted']:.2%} predicted",
            }
        )
        + f"\n\nOn the test cases.{apart}"
    )


def slices_text(evaluation: Body) -> str:
    """The served model by size, counterparties and thickness of the file."""
    found = evaluation.get("slices")
    if not found:
        return "Not stored with this model."
    rows = [
        [
            escaped(f"{each['by']}: {each['basis']}"),
            escaped(each["label"]),
            f"{each['n']:,}",
            f"{each['positives']:,}",
            span_text(each["auc"]),
            f"{each['ece']:.3f}",
            "" if each["false_alarms"] is None else f"{each['false_alarms']:.1%}",
            span_text(each["slope"], 2),
        ]
        for each in found
    ]
    return (
        "The served model on the test cases; false alarms: good ones among the riskiest tenth.\n\n"
        + table(
            ("by", "group", ">cases", ">bad", ">AUC", ">ECE", ">false alarms", ">calibration slope"), rows
        )
    )


def challengers_text(evaluation: Body) -> str:
    """What the served model was compared with."""
    rows = [[escaped(name), _MODELS.get(name, "")] for name in evaluation["models"]]
    return "Trained on the same rows, judged on the same cases.\n\n" + table(("model", "what it is"), rows)


def gate_text(gate: Body | None) -> str:
    """What was asked of the model before it was served."""
    if gate is None:
        return "Not stored with this model."
    rows = [
        [
            escaped(each["name"]),
            escaped(each["measured"]),
            escaped(each["required"]),
            "met" if each["met"] else "**missed**",
        ]
        for each in gate["conditions"]
    ]
    against = (
        "no champion before it" if gate["champion"] is None else f"champion `{escaped(gate['champion'])}`"
    )
    notes = "".join(f"\n- {escaped(note)}" for note in gate["notes"])
    return (
        f"On {gate['n']:,} validation cases, {gate['positives']:,} bad, against {against}.\n\n"
        + table(("condition", "measured", "required", ""), rows)
        + (f"\n{notes}" if notes else "")
    )
