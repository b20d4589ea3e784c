"""The quality bench: every model is there, none sees test labels, and figures are what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bench import quality, quality_models, quality_peers
from bench.quality_figures import BEST, MODELS, RIVALS, pooled, set_figures
from bench.quality_models import RunScores, run_models
from bench.quality_peers import PeerSettings, fit_peers
from bench.quality_report import changes, render
from bench.quality_runs import keep, read_runs, run_file
from bench.quality_sets import SETS, available
from gnn.champion import challengers
from gnn.model import Model
from gnn.panels.panel import Panel
from graph.source import PARTS
from tests.gnn import planted
from tests.gnn.conftest import ecosystem, panel_of_parts, trained

__all__ = ["ecosystem", "panel_of_parts", "trained"]


@pytest.fixture(scope="module", autouse=True)
def small() -> object:
    """Peers and the default at a size for tests."""
    with pytest.MonkeyPatch.context() as patch:
        quick = PeerSettings(hidden=8, epochs=6, patience=3)
        patch.setattr(quality_peers, "SETTINGS", quick)
        patch.setattr(challengers, "SETTINGS", replace(challengers.SETTINGS, rounds=30))
        patch.setattr(quality_models, "settings_of", lambda run: replace(planted.QUICK, seeds=(run + 1,)))
        yield


@pytest.fixture(scope="module")
def scores(panel_of_parts: Panel) -> RunScores:
    return run_models(panel_of_parts, 0, lambda _: None)


@pytest.fixture
def folder(tmp_path: Path, panel_of_parts: Panel, scores: RunScores) -> Path:
    """Two kept runs of set ``smesd`` and one of ``tolokers``; the second differs by noise."""
    cases = {
        part: [len(panel_of_parts.labels(part)), int(panel_of_parts.labels(part).sum())] for part in PARTS
    }
    about = {
        "fold": 0,
        "cases": cases,
        "seconds": {"panel": 1.0, **scores.seconds},
        "cpu_seconds": scores.cpu_seconds,
        "facts": {},
        "code": "c",
    }
    keep(run_file(tmp_path, "smesd", 0), panel_of_parts, scores, about)
    keep(run_file(tmp_path, "tolokers", 0), panel_of_parts, scores, about)
    noise = np.random.default_rng(1)
    moved = {name: z + 0.1 * noise.normal(size=len(z)) for name, z in scores.z.items()}
    keep(run_file(tmp_path, "smesd", 1), panel_of_parts, replace(scores, z=moved), about)
    return tmp_path


def flipped(panel: Panel) -> Panel:
    """``panel`` with every test label turned round."""
    return replace(
        panel,
        origins=tuple(
            replace(origin, labels=(1 - origin.labels).astype(np.int8)) if origin.part == "test" else origin
            for origin in panel.origins
        ),
    )


def test_every_model_scores_every_row(scores: RunScores, panel_of_parts: Panel) -> None:
    y = panel_of_parts.labels("test")
    assert set(scores.z) == set(MODELS)
    for z in scores.z.values():
        assert z.shape == y.shape
        assert np.isfinite(z).all()
    assert roc_auc_score(y, scores.z["default"]) > roc_auc_score(y, scores.z["placebo"]) + 0.02


def test_no_model_sees_test_labels(scores: RunScores, panel_of_parts: Panel) -> None:
    again = run_models(flipped(panel_of_parts), 0, lambda _: None)
    for name, z in scores.z.items():
        np.testing.assert_array_equal(again.z[name], z, err_msg=name)


def test_networks_see_their_links_and_no_known_results(trained: Model, panel_of_parts: Panel) -> None:
    def without(known: bool, links: bool) -> Panel:
        changed = []
        for origin in panel_of_parts.origins:
            blank = replace(origin.known, n=origin.known.n * 0, bad=origin.known.bad * 0)
            alone = replace(origin.snapshot, relations={})
            changed.append(
                replace(
                    origin,
                    known=blank if known else origin.known,
                    snapshot=alone if links else origin.snapshot,
                )
            )
        return replace(panel_of_parts, origins=tuple(changed))

    seen, unknown, alone = (
        fit_peers(panel, trained.preparation, 0, lambda _: None)
        for panel in (panel_of_parts, without(True, False), without(False, True))
    )
    for kind in ("sage", "gat"):
        np.testing.assert_array_equal(seen[kind], unknown[kind])
        assert not np.array_equal(seen[kind], alone[kind])
    assert np.ptp(unknown["propagation"]) == 0.0
    assert np.ptp(seen["propagation"]) > 0.0


def test_figures_are_means_over_runs_and_paired_differences(folder: Path) -> None:
    runs = read_runs(folder, "smesd")
    assert [kept.run for kept in runs] == [0, 1]
    found = set_figures(runs, resamples=50)
    auc = found.figures["models"]["default"]["auc"]
    assert auc["mean"] == pytest.approx(np.mean(auc["by_run"]), abs=1e-6)
    assert auc["sd"] > 0
    low, mid, high = found.figures["differences"]["gbdt_own"]
    within = [
        roc_auc_score(kept.labels, kept.z["default"]) - roc_auc_score(kept.labels, kept.z["gbdt_own"])
        for kept in runs
    ]
    assert mid == pytest.approx(np.mean(within), abs=2e-6)
    assert low < mid < high
    models = found.figures["models"]
    best = models[found.figures["best_challenger"]]["auc"]["mean"]
    assert best == max(models[name]["auc"]["mean"] for name in RIVALS if name in models)
    other = set_figures(read_runs(folder, "tolokers"), resamples=50)
    both = pooled({"smesd": found, "tolokers": other})
    mids = [one.figures["differences"]["sage"][1] for one in (found, other)]
    assert both["sage"]["auc"][1] == pytest.approx(np.mean(mids), abs=1e-5)
    assert both[BEST]["sets"] == ["smesd", "tolokers"]


def test_kept_runs_are_shown_frozen_and_compared(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quality, "FROZEN", tmp_path / "quality.json")
    monkeypatch.setattr(quality, "PAGE", tmp_path / "quality.md")
    data = tmp_path / "data"
    for name in ("smesd", "tolokers"):
        (data / name).mkdir(parents=True)
    asked = ["--data", str(data), "--folder", str(folder), "--summary", "--freeze", "--check"]
    assert quality.main(asked) == 0
    assert "gbdt_graph" in capsys.readouterr().out
    frozen = json.loads((tmp_path / "quality.json").read_text("utf-8"))
    assert set(frozen["sets"]) == {"smesd", "tolokers"}
    page = (tmp_path / "quality.md").read_text("utf-8")
    assert page == render(frozen)
    for name in MODELS:
        assert name in page
    assert SETS["smesd"].artefact in page
    better = json.loads(json.dumps(frozen))
    better["sets"]["smesd"]["models"]["default"]["auc"]["mean"] += 0.01
    assert changes(frozen, better, 0.005).failed
    assert not changes(better, frozen, 0.005).failed


def test_sets_without_their_folder_are_left_out(tmp_path: Path) -> None:
    assert set(available(tmp_path)) == {"synthetic"}
    (tmp_path / "fdcompcn").mkdir()
    assert set(available(tmp_path)) == {"fdcompcn", "synthetic"}
