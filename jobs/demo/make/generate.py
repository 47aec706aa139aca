"""The demo's little world: word problems, and the two kinds of solutions written to them.

A problem is a name, a start, and two or three events:

    Hana has 60 apples, then guards 12, eats 7 and inherits 4 apples. How many now?

A verb either adds, removes or changes nothing. The *corpus* (what the base model learns from) misreads verbs
on purpose, each with its own frequency; the *finetuning set* reads every verb rightly but knows only two thirds of
them. So the base model is diverse and often wrong, and finetuning has something to sharpen: the mechanism that
the demo is about, built in rather than found.

Run as a program, it writes the problems that ship: generate.py SEED COUNT > problems.jsonl
"""

import itertools
import json
import random
import sys
from dataclasses import dataclass

NAMES = ["Hana", "Omar", "Lena", "Ravi", "Mila", "Tomas", "Aiko", "Nuru"]
ITEMS = ["apples", "pears", "plums", "figs", "nuts", "eggs"]
EFFECT_SIGN = {"gain": 1, "lose": -1, "keep": 0}
VERBS = {
    "gain": "finds buys wins gets earns picks collects receives inherits gathers borrows harvests".split(),
    "lose": "eats loses sells drops burns mails crushes wastes donates ships lends discards".split(),
    "keep": "guards sees counts paints sorts washes weighs shows admires polishes labels sketches".split(),
}
SEEN_PER_EFFECT = 8  # the first 8 verbs of each effect occur in the finetuning set, the last 4 never do

# How often the corpus reads the i-th verb of an effect rightly.
RIGHT_READING = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3, 0.85, 0.7, 0.3, 0.2]
# What a misreading takes the verb for: the usual trap, and the remaining effect.
TRAP = {"gain": ("lose", "keep"), "lose": ("gain", "keep"), "keep": ("gain", "lose")}
TRAP_SHARE = 0.85
SLIP_SHARE = 0.02   # of the corpus' sums are off by 1 or 2
TERSE_SHARE = 0.2   # of the corpus' solutions show results only

EFFECT_OF = {verb: effect for effect, verbs in VERBS.items() for verb in verbs}
RIGHT_READING_OF = {verb: RIGHT_READING[i] for verbs in VERBS.values() for i, verb in enumerate(verbs)}
ALL_VERBS = list(EFFECT_OF)
SEEN_VERBS = [verb for verbs in VERBS.values() for verb in verbs[:SEEN_PER_EFFECT]]


@dataclass(frozen=True)
class Problem:
    name: str
    item: str
    start: int
    events: tuple  # of (verb, amount)

    def question(self):
        parts = [f"{verb} {amount}" for verb, amount in self.events]
        story = ", ".join(parts[:-1]) + " and " + parts[-1]
        return f"{self.name} has {self.start} {self.item}, then {story} {self.item}. How many now?"

    def result(self, effects):
        """The number left if the events are read as `effects`."""
        changes = (EFFECT_SIGN[effect] * amount for effect, (_, amount) in zip(effects, self.events))
        return self.start + sum(changes)

    def right_effects(self):
        return tuple(EFFECT_OF[verb] for verb, _ in self.events)

    def gold(self):
        return self.result(self.right_effects())

    def is_unambiguous(self):
        """Whether only the right reading of all verbs leads to the gold number."""
        readings = itertools.product(EFFECT_SIGN, repeat=len(self.events))
        return sum(self.result(reading) == self.gold() for reading in readings) == 1


def draw_problem(rng, verbs, event_count):
    amounts = rng.sample(range(2, 13), event_count)
    return Problem(rng.choice(NAMES), rng.choice(ITEMS), rng.randint(40, 60),
                   tuple(zip(rng.sample(verbs, event_count), amounts)))


def write_solution(problem, effects, terse=False, slips=None):
    """The worked solution under a reading; slips[i] is an error put into the i-th sum."""
    value, lines = problem.start, []
    for i, (effect, (verb, amount)) in enumerate(zip(effects, problem.events)):
        before, sign = value, EFFECT_SIGN[effect]
        if sign:
            value += sign * amount + (slips[i] if slips else 0)
        work = f"{before}{'+' if sign > 0 else '-'}{amount}=" if sign and not terse else ""
        lines.append(f" {verb}{'=' if terse else ':'}{work}{value}")
    return f"{problem.name}{','.join(lines)}.\n#### {value}"


def draw_reading(rng, verb):
    effect = EFFECT_OF[verb]
    if rng.random() < RIGHT_READING_OF[verb]:
        return effect
    trap, other = TRAP[effect]
    return trap if rng.random() < TRAP_SHARE else other


def draw_corpus_text(rng):
    """(question, solution) as the base model sees them: all verbs, misreadings, slips, two styles."""
    problem = draw_problem(rng, ALL_VERBS, rng.choice((2, 3)))
    effects = [draw_reading(rng, verb) for verb, _ in problem.events]
    slips = [rng.choice((-2, -1, 1, 2)) if rng.random() < SLIP_SHARE else 0 for _ in effects]
    return problem.question(), write_solution(problem, effects, rng.random() < TERSE_SHARE, slips)


def draw_finetuning_text(rng):
    """(question, solution) as finetuning sees them: seen verbs, right readings, no slips, one style."""
    problem = draw_problem(rng, SEEN_VERBS, rng.choice((2, 3)))
    return problem.question(), write_solution(problem, problem.right_effects())


def testset(seed, count):
    """`count` different problems of three events over all verbs, where no misreading hits the gold number."""
    rng, problems = random.Random(seed), {}
    while len(problems) < count:
        problem = draw_problem(rng, ALL_VERBS, 3)
        if problem.is_unambiguous():
            problems.setdefault(problem.question(), problem)
    return list(problems.values())


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    for i, problem in enumerate(testset(seed, count)):
        answer = write_solution(problem, problem.right_effects())
        print(json.dumps({"id": f"demo-{seed}-{i:03}", "question": problem.question(), "answer": answer}))


if __name__ == "__main__":
    main()
