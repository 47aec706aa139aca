// What the reader chose. Figures name the choices that they depend on and are drawn again when one changes.

const state = {
  k: null,
  metric: 'pass_at_k',
  decoding: null,
  layout: 'side',
  runs: [],
  arms: new Map(),
  arm: null,
  printing: false
};

/// Highlights an arm by name: it gets the first free place, which gives its colour and its mark; or ends
/// that.
function highlight(name, on) {
  if (!on) return state.arms.delete(name);
  const taken = new Set(state.arms.values());
  return state.arms.set(name, range(taken.size + 1).find((place) => !taken.has(place)));
}

/// The arm (its index) with the largest value of a metric at k, among those that have one; -1: none.
function highestArm(run, id, k) {
  let best = -1;
  range(run.arms.length).forEach((arm) => {
    const value = valueAt(run, id, arm, k);
    if (value && (best < 0 || value[0] > valueAt(run, id, best, k)[0])) best = arm;
  });
  return best;
}

/// The arms worth a colour at first sight: the reference, the ends, the highest at the smallest and largest
/// k.
function telling(run) {
  const ks = ksOf([run]);
  const line = deltaLines(run, state.decoding)[0]?.points ?? [];
  const trajectory = trajectoryLine(run, state.decoding)[0]?.points ?? [];
  const arms = [
    run.reference, line[0]?.arm, line[line.length - 1]?.arm, highestArm(run, 'pass_at_k', ks[0]),
    highestArm(run, 'pass_at_k', ks[ks.length - 1]), trajectory[0]?.arm,
    ...(run.arms.length <= 6 ? range(run.arms.length) : [])
  ];
  return unique(arms.filter((arm) => isNumber(arm) && arm >= 0)).slice(0, 6).map((arm) => run.arms[arm].name);
}

/// First choices: all runs (at most three), the largest k, the decoding of the reference or the most arms.
function chooseAtFirst() {
  state.runs = report.runs.slice(0, 3);
  const ks = ksOf(report.runs);
  state.k = ks[ks.length - 1] ?? null;
  state.metric =
      metricOf(report.runs[0] ?? {}, 'pass_at_k') ? 'pass_at_k' : metricsOf(report.runs)[0]?.id ?? null;
  const decodings = decodingsOf(report.runs);
  const arms = report.runs.flatMap((run) => run.arms);
  const count = ({key}) => arms.filter((arm) => decodingKey(arm) === key).length;
  state.decoding = [...decodings].sort((a, b) => count(b) - count(a))[0]?.key ?? null;
  unique(report.runs.flatMap(telling)).forEach((name) => highlight(name, true));
  const first = report.runs[0];
  state.arm = first?.arms[Math.max(0, highestArm(first, 'pass_at_k', state.k))]?.name ?? null;
}

const listeners = [];

/// Sets choices and draws what depends on them.
function choose(changes) {
  Object.assign(state, changes);
  for (const listener of listeners) listener(Object.keys(changes));
}

/// Runs drawn in one picture: each alone ("side") or all in one ("over").
const panels = () => (state.layout === 'over' ? [state.runs] : state.runs.map((run) => [run]));
