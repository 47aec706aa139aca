#!/usr/bin/env python3
"""Reads a results.h5 as its users do, with h5py, xarray (h5netcdf) and plain arithmetic, and checks every table.

    python tests/store/read_results.py RUN/results.h5

Needs numpy, h5py, xarray, h5netcdf. Prints one line and ends with 0 when everything fits.
"""
import sys
from fractions import Fraction
from math import comb

import h5py
import numpy as np
import xarray as xr


def pass_at_k(n, c, k):
    """Chen et al. 2021, eq. 1, exactly."""
    return 1 - Fraction(comb(n - c, k), comb(n, k)) if n >= k else None


def main(path):
    with xr.open_dataset(path, engine="h5netcdf") as data, \
         xr.open_dataset(path, engine="h5netcdf", group="samples") as samples:
        data.load()
        samples.load()
    assert data.n.dims == data.c.dims == ("arm", "problem") and data.pass_at_k.dims == ("arm", "k")
    assert "delta" in data.coords and "temperature" in data.coords
    for name, variable in data.data_vars.items():
        assert variable.attrs["long_name"] and (variable.attrs.get("units") or variable.dtype.kind not in "iuf"), name
    # Pass@k from n and c, in rational arithmetic.
    for arm in range(data.sizes["arm"]):
        for j, k in enumerate(data.k.values):
            values = [pass_at_k(int(n), int(c), int(k)) for n, c in zip(data.n.values[arm], data.c.values[arm])]
            found = data.pass_at_k.values[arm, j]
            if None in values:
                assert np.isnan(found), (arm, k)
            else:
                assert abs(found - float(sum(values) / len(values))) < 1e-12, (arm, k)
                assert data.pass_at_k_low.values[arm, j] <= found <= data.pass_at_k_high.values[arm, j]
    # Distinct answers and Best@k from the samples, in rational arithmetic: the chance that none of a class's m
    # samples is among k of n, and that the one of rank i is the best of k.
    for arm in range(data.sizes["arm"]):
        cells = [(samples.arm.values == data.sampled_as.values[arm]) & (samples.problem.values == p)
                 for p in range(data.sizes["problem"])]
        for j, k in enumerate(data.k.values):
            if np.isnan(data.pass_at_k.values[arm, j]):
                continue
            distinct, best = Fraction(0), Fraction(0)
            for cell in cells:
                n = int(cell.sum())
                votes = samples.answer_class.values[cell]
                for m in np.bincount(votes[votes >= 0]):
                    distinct += 1 - Fraction(comb(n - int(m), int(k)), comb(n, int(k)))
                score = samples.logprob.values[cell] / np.maximum(1, samples.token_count.values[cell])
                correct = samples.verdict.values[cell] == 1
                for value in np.unique(score):
                    better, same = int((score > value).sum()), int((score == value).sum())
                    chance = Fraction(comb(n - better, int(k)) - comb(n - better - same, int(k)), comb(n, int(k)))
                    best += chance * Fraction(int(correct[score == value].sum()), same)
            for name, total in (("distinct_at_k", distinct), ("best_at_k", best)):
                found = data[name].values[arm, j]
                assert abs(found - float(total / len(cells))) < 1e-9, (name, arm, k)
                assert data[name + "_low"].values[arm, j] <= found <= data[name + "_high"].values[arm, j]
    # Equal answers of a problem have equal classes; those that do not vote have -1.
    for problem in range(data.sizes["problem"]):
        rows = samples.problem.values == problem
        classes, answers = samples.answer_class.values[rows], samples.answer.values[rows]
        voting = classes >= 0
        assert len(set(zip(classes[voting], answers[voting]))) == len(set(classes[voting])) == len(set(answers[voting]))
        assert (samples.verdict.values[rows][~voting] != 1).all()
    # n, c, verdicts and mean tokens from the samples.
    words = samples.verdict.attrs["flag_meanings"].split()
    assert [w.replace("_", " ") for w in words] == list(data.verdict.values)
    for arm in range(data.sizes["arm"]):
        rows = samples.arm.values == data.sampled_as.values[arm]
        for problem in range(data.sizes["problem"]):
            cell = rows & (samples.problem.values == problem)
            assert cell.sum() == data.n.values[arm, problem]
            assert (samples.verdict.values[cell] == words.index("correct")).sum() == data.c.values[arm, problem]
        counts = np.bincount(samples.verdict.values[rows], minlength=len(words))
        assert (counts == data.verdicts.values[arm]).all()
        if rows.any():
            assert np.isclose(samples.token_count.values[rows].mean(), data.mean_tokens.values[arm])
    # Tokens and texts by offsets.
    logprobs = [samples.token_logprob.values[o:o + n].astype("f8").sum()
                for o, n in zip(samples.token_offset.values, samples.token_count.values)]
    assert np.allclose(logprobs, samples.logprob.values, atol=1e-4, rtol=1e-5)
    ends = samples.text_offset.values + samples.text_bytes.values
    assert len(ends) == 0 or ends[-1] == samples.sizes["byte"]
    with h5py.File(path) as file:
        assert file["pass_at_k"].dims[1].keys() == ["k"] and file["samples/text"].dtype == np.uint8
        assert file["arm"].asstr()[:].tolist() == data.arm.values.tolist()
    print(f"{path}: {data.sizes['arm']} arms, {data.sizes['problem']} problems, {len(samples.row)} samples: all right")


if __name__ == "__main__":
    main(sys.argv[1])
