// Pass@k beside what can be had without knowing the answer: majority, best, weighted majority, for one arm.

const kSpecial = new Set(['distinct_at_k']);
const sharesOf = (runs) =>
    metricsOf(runs).filter((metric) => metric.unit === '%' && !kSpecial.has(metric.id));

/// The arm of `run` that is chosen by name, or its highest at the chosen k.
function chosenArm(run) {
  const found = run.arms.findIndex((arm) => arm.name === state.arm);
  return found >= 0 ? found : Math.max(0, highestArm(run, 'pass_at_k', state.k));
}

function drawVotes([run], width, scope) {
  const arm = chosenArm(run), metrics = sharesOf([run]), short = (metric) => metric.title;
  const below = width < 460, gutter = below ? 14 : gutterFor(metrics.map(short), width);
  const values = scope.flatMap(
      (one) => metrics.flatMap(
          (metric) => one.k.flatMap((k) => valueAt(one, metric.id, chosenArm(one), k) ?? [])));
  const ks = ksOf(scope);
  const frame = frameOf({
    width,
    height: heightFor(width),
    gutter,
    label: `Ways to use k samples, ${run.arms[arm].name}`,
    x: axisOfK(ks),
    y: {
      domain: domainOf(values, {bounds: [0, 1]}),
      text: (y) => axisText(y, '%'),
      title: 'problems solved, %'
    }
  });
  const drawn = metrics.map((metric, m) => {
    const points = pixelsOf(frame, run.k.map((k) => ({k, value: valueAt(run, metric.id, arm, k)}))),
          present = points.filter(Boolean), last = present[present.length - 1];
    return {
      band: bandThrough(points, `s${m % 8}`),
      line: lineThrough(points, `s${m % 8}`, kDashes[m % 8]),
      marks: present.map((p) => markAt(p.px, p.py, {
                           shape: m,
                           cls: `s${m % 8}`,
                           words: `${metric.title}, k = ${p.k}: ${withInterval(p.value, '%')}`
                         })),
      name: last && { x: last.px, y: last.py, text: short(metric), cls: `s${m % 8}` }
    };
  });
  frame.node.append(
      ...drawn.flatMap((one) => one.band), ...drawn.flatMap((one) => one.line),
      ...drawn.flatMap((one) => one.marks),
      ...(below ? [] : endNames(frame, drawn.map((one) => one.name).filter(Boolean), gutter - 16)));
  return html(
      'div', {}, html('h4', {dir: 'auto'}, run.arms[arm].name), frame.node,
      below ? legendOf(metrics.map(
                  (metric, m) => ({shape: m, cls: `s${m % 8}`, dash: kDashes[m % 8], text: short(metric)}))) :
              null);
}

function armSelect() {
  const names = unique(report.runs.flatMap((run) => run.arms.map((arm) => arm.name)));
  return names.length > 1 ?
      selectOf('Arm', names.map((name) => ({value: name, label: name})), state.arm, (arm) => choose({arm})) :
      null;
}

addToPage({
  id: 'votes',
  title: 'Using k samples: majority, best, weighted',
  uses: ['arm'],
  alone: true,
  extra: armSelect,
  missing: (runs) =>
      (runs.some((run) => sharesOf([run]).length > 1 && run.k.length > 1) ?
           null :
           'Pass@k is the only share in this run, or k does not vary'),
  read: () =>
      'Pass@k counts a problem as solved when one of k samples is right: what an oracle would pick. ' +
      'Majority, best and weighted majority pick an answer without knowing it. ' +
      'The gap to Pass@k is what a better way to choose could still win.',
  draw: drawVotes,
  table: (runs) => ({
    columns: [
      ...armColumns, {id: 'metric', title: 'Metric', unit: 'text'}, {id: 'k', title: 'k', unit: ''},
      ...valueColumns('value', 'Value', '%')
    ],
    rows: runs.flatMap(
        (run) => sharesOf([run]).flatMap(
            (metric) => run.k.map(
                (k) =>
                    [run.name, run.arms[chosenArm(run)].name, metric.title, k,
                     ...three(valueAt(run, metric.id, chosenArm(run), k))]))),
  }),
});
