"""Measures: pure functions from tallies to measures, frame -> frame, none in place.

A frame of tallies has one row per bucket and group, with the columns of tallies.COUNTS: whole numbers. A frame of
measures has the same rows; its columns are named as the answers nest them, `csat.mean` for `mean` in `csat`. Every
rate stands beside its n; where n is 0 the rate is missing, never zero. Scores come as sums of thousandths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signal_analytics.intervals import Numbers, mean_interval, ratio, wilson
from signal_analytics.latency import STAGE_STEP, STAGES, value_of
from signal_analytics.tallies import LABELS, Tallies

SMALL_N = 30
UNIT = 1000.0
PERCENTILES = (0.50, 0.95, 0.99)
KEY = ["bucket", "grp"]
Whole = NDArray[np.int64]


def rate(counts: pd.DataFrame, name: str) -> pd.DataFrame:
    """100 · count / n with the Wilson interval, in percent.

    25 of 30: 83.3 %, from 66.4 to 92.7. Source: Wilson 1927.
    """
    n, count = _of(counts, f"{name}_n"), _of(counts, f"{name}_count")
    return _frame(counts, name, {"n": n, "count": count, **_share("pct", count, n), "small": n < SMALL_N})


def calls(counts: pd.DataFrame) -> pd.DataFrame:
    """How many calls started."""
    return counts[["calls"]]


def handled(counts: pd.DataFrame) -> pd.DataFrame:
    """Average handled time (AHT): sum of the calls' seconds / n, with the t-interval.

    Talk, hold and after-call work of a voice agent is the call's duration. Of 60 s and 120 s: 90 s.
    Source: Genesys' glossary (AHT), without the parts that only people have.
    """
    n, total = _of(counts, "handled_n"), _of(counts, "handled_sum")
    low, high = mean_interval(n, _of(counts, "handled_tenths"), _of(counts, "handled_squares"))
    values = {
        "n": n,
        "mean_s": ratio(total, n) / UNIT,
        "low": np.maximum(low, 0) / 10,
        "high": high / 10,
        "total_s": _known(total / UNIT, n),
        "small": n < SMALL_N,
    }
    return _frame(counts, "handled", values)


def csat(counts: pd.DataFrame) -> pd.DataFrame:
    """Mean CSAT, and the share of 4 and 5 (top-2-box) with its Wilson interval, in percent.

    Of 1, 4, 5, 5: n 4, mean 3.75, top2 75 %. Source: top-2-box of a 1 to 5 scale, as commonly published.
    """
    return _scored(counts, "csat", "top2")


def csat_surveyed(counts: pd.DataFrame) -> pd.DataFrame:
    """The same of what callers answered when asked; inferred and surveyed scores are never mixed."""
    return _scored(counts, "csat_surveyed", "top2")


def ces(counts: pd.DataFrame) -> pd.DataFrame:
    """Mean effort score, and the share of 5, 6 and 7 with its Wilson interval, in percent.

    Of 2, 5, 7: n 3, mean 4.67, easy 66.7 %. Source: CES 2.0, 1 to 7, 7 = easy.
    """
    return _scored(counts, "ces", "easy")


def nps(counts: pd.DataFrame) -> pd.DataFrame:
    """Net promoter score: 100 · (9 and 10 - 0 to 6) / n, from -100 to 100.

    Of 10, 9, 8, 3: promoters 50 %, detractors 25 %, score 25. Source: Reichheld 2003.
    """
    n, promoters, detractors = (_of(counts, f"nps_{name}") for name in ("n", "promoters", "detractors"))
    values = {
        "n": n,
        "score": 100 * ratio(promoters - detractors, n),
        "promoters_pct": 100 * ratio(promoters, n),
        "passives_pct": 100 * ratio(n - promoters - detractors, n),
        "detractors_pct": 100 * ratio(detractors, n),
        "small": n < SMALL_N,
    }
    return _frame(counts, "nps", values)


def sentiment(counts: pd.DataFrame) -> pd.DataFrame:
    """The share of each label among the calls that have one, mixed included, and net = (pos - neg) / n.

    Of positive, positive, mixed, negative: 50, 0 (neutral), 25, 25 %; net 0.25.
    """
    labelled = {label: _of(counts, f"sentiment_{label}") for label in LABELS}
    n = np.sum(list(labelled.values()), axis=0)
    values = {
        "n": n,
        **{f"{label}_pct": 100 * ratio(count, n) for label, count in labelled.items()},
        "net": ratio(labelled["positive"] - labelled["negative"], n),
        "small": n < SMALL_N,
    }
    return _frame(counts, "sentiment", values)


def legal_risk(counts: pd.DataFrame) -> pd.DataFrame:
    """Mean of the calls' scores (each its worst finding), and the share of calls in the high band.

    Never a sum over a period, which would grow with the number of calls. The percentile is in `risk_percentile`.
    """
    return _scored(counts, "legal_risk", "high")


def risk_percentile(risks: pd.DataFrame) -> pd.DataFrame:
    """The 95th percentile of the calls' risk scores, from a histogram of tenths of a point.

    Linear between neighbours: of 0, 10, …, 100 it is 95. Source: Hyndman and Fan 1996, type 7.
    """
    ranked = _ranked(risks, KEY)
    place = 0.95 * (ranked["all"] - 1)
    low = _at(ranked, KEY, ranked["upto"] > np.floor(place))
    high = _at(ranked, KEY, ranked["upto"] > np.minimum(np.floor(place) + 1, ranked["all"] - 1))
    fraction = (0.95 * (low["all"] - 1)) % 1
    return pd.DataFrame({"legal_risk.p95": (low["value"] + (high["value"] - low["value"]) * fraction) / 10.0})


def latency_percentiles(latencies: pd.DataFrame) -> pd.DataFrame:
    """p50, p95 and p99 of each stage in milliseconds since the prompt, over turns; within 1 %.

    Source: nearest rank of histograms with bins of 2 % (latency.py).
    """
    key = [*KEY, "stage"]
    ranked = _ranked(latencies.assign(stage=latencies["value"] // STAGE_STEP), key)
    found = {
        f"p{share * 100:.0f}": _at(ranked, key, ranked["upto"] >= share * ranked["all"])["value"]
        .mod(STAGE_STEP)
        .map(value_of)
        for share in PERCENTILES
    }
    by_stage = pd.DataFrame({"n": ranked.groupby(key)["n"].sum(), **found}).reset_index("stage")
    parts = [
        by_stage[by_stage["stage"] == number].drop(columns="stage").add_prefix(f"latency.{stage}_ms.")
        for number, stage in enumerate(STAGES)
    ]
    return pd.concat(parts, axis="columns")


def talk(counts: pd.DataFrame) -> pd.DataFrame:
    """The agent's share of the talking, and the silence's share of the time, in percent.

    agent / (agent + caller) and silence / (agent + caller + silence). Agent 30 s, caller 10 s, silence 10 s: 75 %
    and 20 %. Source: talk ratio and silence as contact centres publish them, from the relay's speaker events.
    """
    n, agent, caller, silence = (_of(counts, f"talk_{name}") for name in ("n", "agent", "caller", "silence"))
    values = {
        "n": n,
        "agent_share_pct": 100 * ratio(agent, agent + caller),
        "silence_pct": _known(100 * ratio(silence, agent + caller + silence), _of(counts, "talk_silence_n")),
        "small": n < SMALL_N,
    }
    return _frame(counts, "talk", values)


def languages(counts: pd.DataFrame) -> pd.DataFrame:
    """How often calls changed their language, and the share of calls that did."""
    n, switched = _of(counts, "languages_n"), _of(counts, "languages_switched")
    values = {
        "n": n,
        "switches": _known(_of(counts, "languages_switches"), n),
        "switched_pct": 100 * ratio(switched, n),
    }
    return _frame(counts, "languages", values)


def tokens(counts: pd.DataFrame) -> pd.DataFrame:
    """Tokens of the calls that counted them, as the provider names them."""
    n, prompt, completion = (_of(counts, f"tokens_{name}") for name in ("n", "prompt", "completion"))
    sums = {"prompt": prompt, "completion": completion, "total": prompt + completion}
    return _frame(counts, "tokens", {"n": n, **{name: _known(value, n) for name, value in sums.items()}})


def cost(counts: pd.DataFrame) -> pd.DataFrame:
    """Dollars of the calls whose price is known, in all and per call; a call without a price is left out."""
    n, dollars = _of(counts, "cost_n"), _of(counts, "cost_micros") / 1e6
    return _frame(counts, "cost", {"n": n, "usd": _known(dollars, n), "mean_usd": ratio(dollars, n)})


def occurrences(counts: pd.DataFrame) -> pd.DataFrame:
    """Sums that are wanted as sums: hallucinations, and questions into silence ("are you still there?")."""
    prompts = _of(counts, "silence_prompts_n")
    values = {
        "hallucination.total": _known(_of(counts, "hallucination_total"), _of(counts, "hallucination_n")),
        "silence_prompts.n": prompts,
        "silence_prompts.total": _known(_of(counts, "silence_prompts_total"), prompts),
    }
    return pd.DataFrame(values, index=counts.index)


RATES = (
    "hallucination",  # calls with at least one / calls that were looked at
    "escalation_requested",  # calls in which the caller asked for a person / calls that were looked at
    "escalation_performed",  # calls that the agent handed over / ended calls
    "containment",  # ended by caller or agent, not handed over, not abandoned / ended calls
    "resolved_containment",  # of the contained: those whose task was completed / calls that were looked at
    "abandonment",  # inbound, the caller left before the agent answered a turn / inbound ended calls
    "repeat_contact",  # the same caller called again within 7 days / calls whose 7 days are over
    "interruptions",  # replies that the caller broke into / agent turns
    "tools",  # tool calls that succeeded / tool calls
    "dtmf",  # calls in which a key was pressed / calls with turns
)
MEASURES: tuple[Callable[[pd.DataFrame], pd.DataFrame], ...] = (
    calls,
    handled,
    csat,
    csat_surveyed,
    ces,
    nps,
    sentiment,
    legal_risk,
    talk,
    languages,
    tokens,
    cost,
    occurrences,
)


def measured(tallies: Tallies) -> pd.DataFrame:
    """All measures of all rows of the tallies, indexed by bucket and group."""
    counts = tallies.counts.reset_index(drop=True)
    index = pd.MultiIndex.from_frame(counts[KEY])
    parts = [measure(counts) for measure in MEASURES] + [rate(counts, name) for name in RATES]
    percentiles = (risk_percentile(tallies.risks), latency_percentiles(tallies.latencies))
    parts += [found.reindex(index).reset_index(drop=True) for found in percentiles]
    frame = pd.concat(parts, axis="columns")
    turns = [f"latency.{stage}_ms.n" for stage in STAGES]
    return frame.assign(**{name: frame[name].fillna(0).astype("int64") for name in turns}).set_index(index)


def _ranked(histogram: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The histogram in ascending order; `upto`: how many are at most the value, `all`: how many there are."""
    frame = histogram.sort_values("value")
    groups = frame.groupby(key)["n"]
    return frame.assign(upto=groups.cumsum(), all=groups.transform("sum"))


def _at(ranked: pd.DataFrame, key: list[str], reached: pd.Series[bool]) -> pd.DataFrame:
    """The first row of each group that has been reached."""
    return ranked[reached].drop_duplicates(key).set_index(key)


def _scored(counts: pd.DataFrame, name: str, share: str) -> pd.DataFrame:
    n, total = _of(counts, f"{name}_n"), _of(counts, f"{name}_sum")
    low, high = mean_interval(n, total, _of(counts, f"{name}_squares"))
    values = {
        "n": n,
        "mean": ratio(total, n) / UNIT,
        "mean_low": low / UNIT,
        "mean_high": high / UNIT,
        **_share(f"{share}_pct", _of(counts, f"{name}_{share}"), n),
        "small": n < SMALL_N,
    }
    return _frame(counts, name, values)


def _share(name: str, count: Whole, n: Whole) -> dict[str, Numbers]:
    low, high = wilson(count, n)
    return {name: 100 * ratio(count, n), "low": 100 * low, "high": 100 * high}


def _known(values: Any, n: Whole) -> Numbers:
    """The values, NaN where n is 0: a sum over nothing is not known to be 0."""
    return np.where(n > 0, values, np.nan)


def _of(counts: pd.DataFrame, name: str) -> Whole:
    return counts[name].to_numpy("int64")


def _frame(counts: pd.DataFrame, measure: str, values: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame({f"{measure}.{name}": value for name, value in values.items()}, index=counts.index)
