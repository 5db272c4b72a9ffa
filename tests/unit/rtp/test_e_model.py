"""The E-model against figures that ITU-T G.107, G.109 and G.113 print, and bursts against a count by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.rtp import bursts, e_model


@pytest.mark.parametrize(
    ("rating", "score"),
    [(100, 4.5), (93.2, 4.41), (90, 4.34), (80, 4.02), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0), (-5, 1.0)],
)
def test_scores_of_ratings_are_those_of_g107_annex_b(rating: float, score: float) -> None:
    assert e_model.mean_opinion(rating) == pytest.approx(score, abs=0.006), f"R {rating}"


@pytest.mark.parametrize(
    ("delay_ms", "rating"), [(0, 93.2), (100, 93.2), (150, 93.0), (200, 90.2), (300, 78.4), (400, 69.1), (500, 62.6)]
)
def test_delay_costs_what_the_formula_of_g107_7_4_gives(delay_ms: float, rating: float) -> None:
    assert e_model.r_factor(delay_ms, 0, 1, 0, 25.1) == pytest.approx(rating, abs=0.6)


@pytest.mark.parametrize(
    ("codec", "loss", "impairment"),
    [  # Ie-eff as G.113 Appendix I tabulates it
        ("PCMA", 0.0, 0.0),
        ("PCMA", 0.02, 7.0),
        ("PCMU", 0.05, 15.8),
        ("G729", 0.0, 11.0),
        ("G729", 0.02, 19.0),
        ("G729", 0.04, 25.6),
        ("G723", 0.0, 15.0),
        ("G723", 0.01, 19.7),
    ],
)
def test_codecs_and_loss_cost_what_g113_tabulates(codec: str, loss: float, impairment: float) -> None:
    rating = e_model.codec_rating(codec)
    cost = e_model.DEFAULT_RATING - e_model.r_factor(0, loss, 1, rating.impairment, rating.robustness)
    assert cost == pytest.approx(impairment, abs=0.3)


def test_loss_in_bursts_is_worse_than_at_random() -> None:
    at_random = e_model.burst_ratio(lost=50, received=950, runs=47)
    in_bursts = e_model.burst_ratio(lost=50, received=950, runs=10)
    assert at_random == pytest.approx(1.0, abs=0.02)
    assert in_bursts > 4
    assert e_model.r_factor(0, 0.05, in_bursts, 0, 25.1) < e_model.r_factor(0, 0.05, at_random, 0, 25.1)


@given(
    st.floats(0, 5000), st.floats(0, 1), st.floats(0, 100), st.sampled_from(["PCMA", "G729", "opus", "AMR", "unheard"])
)
def test_whatever_happens_the_score_lies_between_1_and_4_5(delay: float, loss: float, ratio: float, codec: str) -> None:
    rating = e_model.codec_rating(codec)
    r = e_model.r_factor(delay, loss, ratio, rating.impairment, rating.robustness)
    assert 0 <= r <= 100
    assert 1.0 <= e_model.mean_opinion(r) <= 4.5


def counted(pattern: str) -> tuple[list[int], int]:
    """The counts of a stream in which `.` came and `x` was lost, and how many came after the last loss."""
    counts, came, run = [0] * bursts.COUNTS, 0, 0
    for each in pattern:
        if each == "x":
            run += 1
            continue
        if run:
            bursts.note_losses(counts, run, came)
            came, run = 0, 0
        came += 1
    return counts, came


def test_a_burst_between_gaps_is_told_from_lone_losses() -> None:
    calm = "." * 100
    counts, since = counted(calm + "x" + calm + "x.....xxx" + calm)
    density, gap_density, burst_ms, gap_ms = bursts.burst_and_gap(counts, since, 20)
    assert burst_ms == 9 * 20, "x.....xxx is nine packets"
    assert density == pytest.approx(4 / 9)
    assert gap_density == pytest.approx(1 / 301)
    assert gap_ms == pytest.approx((300 + 1 + 1) * 20)


def test_a_stream_without_loss_is_one_gap() -> None:
    assert bursts.burst_and_gap([0] * bursts.COUNTS, 500, 20) == (0, 0, 0, 10_000)


@given(st.text(alphabet="." * 12 + "x", max_size=400))
def test_shares_are_shares(pattern: str) -> None:
    density, gap_density, burst_ms, gap_ms = bursts.burst_and_gap(*counted(pattern), 20)
    assert 0 <= density <= 1
    assert 0 <= gap_density <= 1
    assert burst_ms >= 0
    assert gap_ms >= 0
