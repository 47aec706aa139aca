// Pass@k over delta, and over the training step.

const linesOverDelta = (run) => deltaLines(run, state.decoding);
/// The axis of delta, in words: tools disagree on what delta weighs.
function deltaTitle(runs) {
  const lines = runs.flatMap(linesOverDelta), early = unique(lines.map((line) => line.early)),
        late = unique(lines.map((line) => line.late));
  const words = (names, end) =>
      (names.length === 1 && names[0] !== end ? `${shortened(names[0], 90)} (${end})` : `the ${end} checkpoint`);
  return `delta: 0 is ${words(late, 'late')}, 1 is ${words(early, 'early')}`;
}

const linesOverSteps = (run) => trajectoryLine(run, state.decoding);

/// The mixtures of a run whose arms are decoded as chosen, Pass@k only: [{title, values, line}]; `line` is
/// the place of its early checkpoint among the lines, for the dodge.
function mixturesOf(run) {
  if (state.metric !== 'pass_at_k') return [];
  const lines = linesOverDelta(run);
  return (run.mixtures ?? [])
      .filter((mixture) => mixture.arms.every((arm) => decodingKey(run.arms[arm]) === state.decoding))
      .map(
          (mixture) => ({
            ...mixture,
            line: Math.max(
                0,
                lines.findIndex(
                    (line) => line.points.some((point) => mixture.arms.includes(point.arm) && point.x === 1)))
          }));
}

function mixtureMarks(runs, frame, metric, ks) {
  return runs.flatMap((run, r) => mixturesOf(run).flatMap((mixture) => ks.flatMap((k) => {
    const value = mixture.values[run.k.indexOf(k)];
    if (!value || !isNumber(value[0])) return [];
    const cls = ordered(ks.indexOf(k), ks.length);
    const x = frame.x(0.5) + 9 * (mixture.line + r) + 9, y = frame.y(value[0]);
    const words =
        `Mixture of ${mixture.title} at equal budget, k = ${k}: ${withInterval(value, metric.unit)}`;
    return [
      isNumber(value[1]) ? whisker([x, frame.y(value[1])], [x, frame.y(value[2])], cls) : null,
      markAt(x, y, {shape: kDiamond, cls, hollow: true, words, r: 4.4, kind: 'mixture'})
    ].filter(Boolean);
  })));
}

addToPage({
  id: 'over-delta',
  title: 'Pass@k over delta',
  uses: ['k', 'metric', 'decoding', 'layout'],
  missing: (runs) => (
      runs.some((run) => linesOverDelta(run).length > 0) ? null :
                                                           'no two blends of the same ends at this decoding'),
  read: (runs) =>
      'How the blend of two checkpoints does: delta is the weight of the early one, 0 is the late ' +
      'checkpoint alone, 1 the early one. ' +
      `Each line is one k, its band the ${
          levelText()} interval. A line that is higher in between than at both of its ends says that a blend beats both.` +
      (runs.some((run) => linesOverDelta(run).length > 1) ? ' Dashes tell the early checkpoints apart.' :
                                                            '') +
      (runs.some((run) => mixturesOf(run).length > 0) ?
           ' A hollow diamond at the middle is the honest rival: half of the k samples from the early, ' +
               'half from the late checkpoint, no blending.' :
           ''),
  draw: (runs, width, scope) => drawFan(runs, width, scope, {
    linesOf: linesOverDelta,
    label: 'Pass@k over delta',
    xTitle: deltaTitle(scope),
    xWords: (x) => `delta ${kFormats.tick(x)}`,
    overValues: scope.flatMap((run) => mixturesOf(run).flatMap((mixture) => mixture.values.flat())),
    over: (frame, metric, ks) => mixtureMarks(runs, frame, metric, ks)
  }),
  table: (runs) => {
    const table = fanTable(runs, linesOverDelta, {id: 'delta', title: 'delta', unit: 'tick'});
    for (const run of runs)
      for (const mixture of mixturesOf(run))
        run.k.forEach(
            (k, i) => table.rows.push(
                [run.name, `mixture: ${mixture.title}`, null, 0.5, k, ...three(mixture.values[i])]));
    return table;
  },
});

addToPage({
  id: 'trajectory',
  title: 'Along finetuning',
  uses: ['k', 'metric', 'decoding', 'layout'],
  missing: (runs) =>
      (runs.some((run) => linesOverSteps(run).length > 0) ?
           null :
           'no trajectory: fewer than two checkpoints with a training step at this decoding'),
  read: () =>
      'Every checkpoint evaluated alone, in the order of training. Where the line of k = 1 rises while ' +
      'those of large k fall, finetuning makes the first ' +
      `guess better and the samples more alike. Bands are ${levelText()} intervals.`,
  draw: (runs, width, scope) => drawFan(runs, width, scope, {
    linesOf: linesOverSteps,
    label: 'Along finetuning',
    xTitle: 'training step',
    xWords: (x) => `step ${kFormats.tick(x)}`
  }),
  table: (runs) => fanTable(runs, linesOverSteps, {id: 'step', title: 'Step', unit: 'tick'}),
});
