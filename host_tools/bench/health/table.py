"""The tables of capacity and resistance: all cells of all packs and corners, in %."""

import itertools
import math

from host_tools.bench.accuracy import sets
from host_tools.bench.health import capacity, resistance

TIER = sets.TIERS[1]
CHEMISTRIES = ("NMC", "LFP")


def summed_up(both):
    """{what: %} of [(error, sigma)] as shares."""
    errors = [error for error, _ in both]
    count = len(both)
    return {
        "cells": count,
        "rmse": _percent(math.sqrt(sum(error * error for error in errors) / count)),
        "maximum": _percent(max(map(abs, errors))),
        "covered": _percent(sum(abs(error) <= 2 * sigma for error, sigma in both) / count),
        "mean_sigma": _percent(sum(sigma for _, sigma in both) / count),
    }


def _percent(share):
    return round(100 * share, 3)


def _capacity_job(words):
    chemistry, seed, corner = words
    made = capacity.run(chemistry, seed, TIER, corner)
    return made.told(), [(error, 0.0) for error, _ in made.alone()], made.cells


def capacities(seeds, pool):
    """{chemistry: {"ten pairs", "last stretch": figures}}."""
    found = {}
    for chemistry in CHEMISTRIES:
        jobs = [(chemistry, seed, corner) for seed, corner in capacity.cases(seeds)]
        made = pool.map(_capacity_job, jobs, chunksize=2)
        told = list(itertools.chain.from_iterable(one[0] for one in made))
        alone = list(itertools.chain.from_iterable(one[1] for one in made))
        figures = summed_up(told)
        figures["not told"] = sum(one[2] for one in made) - len(told)
        figures["goal"] = capacity.GOALS[chemistry]
        figures["holds"] = (
            figures["rmse"] <= capacity.GOALS[chemistry]
            and figures["covered"] >= capacity.LEAST_COVERED
        )
        found[chemistry] = {"ten pairs": figures, "last stretch": summed_up(alone)}
    return found


def _resistance_job(words):
    return resistance.run(*words[:2], TIER, words[2])


def resistances(seeds, pool):
    """{chemistry: {way: figures}}, over all temperatures; at 25 degC once it was warm and cold."""
    found = {}
    for chemistry in CHEMISTRIES:
        jobs = [(chemistry, seed, corner) for seed, corner in capacity.cases(seeds)]
        made = pool.map(_resistance_job, jobs, chunksize=2)
        here, warm, plain = [], [], []
        for outcomes in made:
            for at, outcome in enumerate(outcomes):
                here += outcome.here
                plain += [(error, 0.0) for error in outcome.plain]
                if at >= resistance.LEARNED_AFTER:
                    warm += outcome.warm
        cold = [both for outcomes in made for both in outcomes[0].warm]
        ways = {
            "as warm as they are": here,
            "at 25 degC": warm,
            "at 25 degC, only ever cold": cold,
            "latest step, taken as it is": plain,
        }
        found[chemistry] = {way: summed_up(both) for way, both in ways.items()}
        for way in ("as warm as they are", "at 25 degC"):
            figures = found[chemistry][way]
            figures["goal"] = 100 * resistance.GOAL
            figures["holds"] = figures["maximum"] <= 100 * resistance.GOAL
    return found


def as_lines(capacities_found, resistances_found):
    yield "How far off a cell's capacity is after ten pairs, %, all corners of the sensor:"
    yield from _lines(capacities_found)
    yield "How far off a cell's resistance is, % of it, from 5 to 45 degC:"
    yield from _lines(resistances_found)


def _lines(found):
    for chemistry, ways in found.items():
        for way, figures in ways.items():
            line = f"  {chemistry} {way:28} RMSE {figures['rmse']:5.2f}"
            line += f", most {figures['maximum']:5.2f}"
            if figures["mean_sigma"]:
                line += (
                    f"; two sigma hold {figures['covered']:5.1f} %, "
                    f"sigma {figures['mean_sigma']:.2f}"
                )
            if "goal" in figures:
                line += (
                    f" (limit {figures['goal']:g}): {'holds' if figures['holds'] else 'MISSED'}"
                )
            yield line
