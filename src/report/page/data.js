// What the runs say: look-ups and groups of arms. Pure functions of a run.

const report = JSON.parse(document.getElementById('data').textContent);
report.runs = report.runs ?? [];
report.runs.forEach((run, index) => {
  run.index = index;
});

const metricOf = (run, id) => (run.metrics ?? []).find((metric) => metric.id === id);
const columnOf = (run, id) => (run.columns ?? []).find((column) => column.id === id);
const columnsOf = (run, group) => (run.columns ?? []).filter((column) => column.group === group);

/// [mean, low, high] of an arm at k; null where there is none.
function valueAt(run, id, arm, k) {
  const value = metricOf(run, id)?.values?.[arm]?.[run.k.indexOf(k)];
  return value && isNumber(value[0]) ? value : null;
}

/// [value, low, high] of an arm in a column; null where there is none.
function columnAt(run, id, arm) {
  const value = columnOf(run, id)?.values?.[arm];
  return value && isNumber(value[0]) ? value : null;
}

/// The metrics of any of `runs`, the first run's order, as {id, title, unit, note}.
function metricsOf(runs) {
  const found = new Map();
  for (const metric of runs.flatMap((run) => run.metrics ?? []))
    if (!found.has(metric.id)) found.set(metric.id, metric);
  return [...found.values()];
}

const ksOf = (runs) => unique(runs.flatMap((run) => run.k ?? [])).sort((a, b) => a - b);

// Decoding: the parameters besides the weights.
const kDecoding = [
  ['temperature', 'T'], ['top_p', 'top-p'], ['top_k', 'top-k'], ['min_p', 'min-p'],
  ['max_tokens', 'max tokens']
];
const decodingKey = (arm, without = '') =>
    kDecoding.map(([name]) => (name === without ? '' : arm[name] ?? '')).join('|');

/// The decoding settings of `runs`: {key, label}; the label names only what differs between them.
function decodingsOf(runs, without = '') {
  const arms = runs.flatMap((run) => run.arms);
  const varying = kDecoding.filter(
      ([name]) => name !== without && unique(arms.map((arm) => arm[name] ?? null)).length > 1);
  const found = new Map();
  for (const arm of arms) {
    const words = varying.map(([name, word]) => `${word} ${arm[name] ?? kDash}`);
    found.set(decodingKey(arm, without), words.join(', ') || 'the only one');
  }
  return [...found].map(([key, label]) => ({key, label}));
}

const isCheckpoint = (arm) =>
    isNumber(arm.step) && (!isNumber(arm.delta) || arm.delta === 0 || arm.delta === 1);

/// Indices of the arms of `run` with this decoding for which `choose` holds.
const armsWhere = (run, decoding, choose) =>
    range(run.arms.length)
        .filter((i) => (decoding === null || decodingKey(run.arms[i]) === decoding) && choose(run.arms[i]));

/// delta of `arm` on the line from `late` (0) to `early` (1); null when it is not on it. The ends are shared
/// by all lines that start or end there, and a trajectory's checkpoint can be one.
function deltaOn(arm, early, late) {
  if (isNumber(arm.delta)) {
    if (arm.delta === 0) return arm.late === late || (!arm.late && arm.early === late) ? 0 : null;
    if (arm.delta === 1) return arm.early === early || (!arm.early && arm.late === early) ? 1 : null;
    return arm.early === early && arm.late === late ? arm.delta : null;
  }
  if (!isNumber(arm.step)) return null;
  const names = [arm.name, arm.early, arm.late];
  return names.includes(late) ? 0 : names.includes(early) ? 1 : null;
}

/// The lines over delta of a run at one decoding: [{early, late, points: [{arm, x: delta}]}], x ascending.
function deltaLines(run, decoding) {
  const blends = armsWhere(run, decoding, (arm) => isNumber(arm.delta) && arm.early && arm.late);
  const inner = blends.filter((i) => run.arms[i].delta !== 0 && run.arms[i].delta !== 1);
  const pairs = new Map((inner.length > 0 ? inner : blends)
                            .map((i) => [`${run.arms[i].early}\n${run.arms[i].late}`, run.arms[i]]));
  return [...pairs.values()]
      .map(({early, late}) => {
        const byDelta = new Map();
        for (const i of armsWhere(run, decoding, () => true)) {
          const delta = deltaOn(run.arms[i], early, late);
          if (delta !== null && !byDelta.has(delta)) byDelta.set(delta, i);
        }
        const points = [...byDelta].map(([x, arm]) => ({arm, x})).sort((a, b) => a.x - b.x);
        return {early, late, points};
      })
      .filter((line) => line.points.length > 1);
}

/// The checkpoints of a training run in the order of their steps, as one line like those of deltaLines.
function trajectoryLine(run, decoding) {
  const points = armsWhere(run, decoding, isCheckpoint)
                     .map((arm) => ({arm, x: run.arms[arm].step}))
                     .sort((a, b) => a.x - b.x);
  return unique(points.map((point) => point.x)).length > 1 ? [{points}] : [];
}
