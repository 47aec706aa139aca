// Values over k, one line an arm: the highlighted arms in colour and by name, the others in grey behind them.

/// The arms of `runs` as series over k of a metric: [{run, arm, points, predicted, lit, ...looks}].
function armSeries(runs, id) {
  return runs
      .flatMap((run, r) => run.arms.map((arm, a) => {
        const lit = state.arms.has(arm.name), place = state.arms.get(arm.name) ?? 0;
        const ahead = id === 'pass_at_k' && lit ?
            (run.predictions ?? []).find((prediction) => prediction.arm === a) :
            null;
        return {
          run,
          arm: a,
          lit,
          shape: place,
          cls: lit ? `s${place % 8}` : 'context',
          hollow: r % 2 === 1,
          dash: lit ? kDashes[runs.length > 1 ? r : 0] : null,
          text: runs.length > 1 ? `${arm.name} · ${run.name}` : arm.name,
          points: run.k.map((k) => ({k, value: valueAt(run, id, a, k)})),
          predicted: (ahead?.k ?? [])
                         .map((k, i) => ({k, value: ahead.values[i]}))
                         .filter((point) => point.value && isNumber(point.value[0]))
        };
      }))
      .filter((series) => series.points.some((point) => point.value));
}

const pixelsOf = (frame, points) => points.map(({k, value}) => value && {
  k,
  value,
  px: frame.x(k),
  py: frame.y(value[0]),
  low: isNumber(value[1]) ? frame.y(value[1]) : null,
  high: isNumber(value[2]) ? frame.y(value[2]) : null
});

function drawArmSeries(frame, series, unit) {
  const placed = pixelsOf(frame, series.points);
  if (!series.lit) return {back: lineThrough(placed, 'context', null), front: []};
  const name = series.run.arms[series.arm].name;
  const mark = (p, kind, words) => markAt(
      p.px, p.py,
      {shape: series.shape, cls: series.cls, hollow: series.hollow || kind !== '', words, kind, r: 4});
  const last = placed.filter(Boolean).pop();
  const ahead = pixelsOf(frame, series.predicted);
  const joined = ahead.length > 0 && last ? [last, ...ahead] : ahead;
  return {
    back: [...bandThrough(placed, series.cls), ...bandThrough(joined, `${series.cls} ahead`)],
    front: [
      ...lineThrough(placed, series.cls, series.dash), ...lineThrough(joined, `${series.cls} ahead`, '2 4'),
      ...placed.filter(Boolean).map(
          (p) => mark(p, '', `${name}, k = ${p.k}: ${withInterval(p.value, unit)}`)),
      ...ahead.map(
          (p) => mark(p, 'predicted', `${name}, k = ${p.k}, predicted: ${withInterval(p.value, unit)}`))
    ],
    name: {
      x: (joined[joined.length - 1] ?? last).px,
      y: (joined[joined.length - 1] ?? last).py,
      text: series.text,
      cls: series.cls
    },
  };
}

/// Where measuring ends and predicting begins.
function predictionLine(frame, all) {
  const measured = Math.max(...all.flatMap((series) => series.points.map((point) => point.k)));
  if (all.every((series) => series.predicted.length === 0)) return null;
  const x = frame.x(measured) + 8;
  return svg(
      'g', {class: 'divide'}, svg('line', {x1: x, x2: x, y1: frame.top, y2: frame.bottom}),
      svg('text', {x: x + 5, y: frame.bottom - 8}, 'predicted →'));
}

/// A legend below the drawing where names don't fit beside the lines.
const legendOf = (series) => html(
    'ul', {class: 'legend'},
    series.map((one) => html('li', {}, swatch(one.shape, one), html('bdi', {}, one.text))));

function drawOverK(runs, width, scope, metric, label) {
  const all = armSeries(scope, metric.id), series = armSeries(runs, metric.id);
  const lit = series.filter((one) => one.lit);
  const below = width < 460;
  const gutter = below ? 14 : gutterFor(lit.map((one) => one.text), width);
  const points = all.flatMap((one) => [...one.points, ...one.predicted]);
  const ks = unique(points.filter((point) => point.value).map((point) => point.k)).sort((a, b) => a - b);
  const frame = frameOf({
    width,
    height: heightFor(width),
    gutter,
    label,
    x: axisOfK(ks),
    y: {
      domain: domainOf(points.flatMap((point) => point.value ?? []), {bounds: boundsOf(metric.unit)}),
      text: (y) => axisText(y, metric.unit),
      title: axisTitle(metric)
    }
  });
  const drawn =
      [...series.filter((one) => !one.lit), ...lit].map((one) => drawArmSeries(frame, one, metric.unit));
  frame.node.append(
      ...drawn.flatMap((one) => one.back), ...[predictionLine(frame, series)].filter(Boolean),
      ...drawn.flatMap((one) => one.front),
      ...(below ? [] : endNames(frame, drawn.map((one) => one.name).filter(Boolean), gutter - 16)));
  return below ? html('div', {}, frame.node, legendOf(lit)) : frame.node;
}

function overKTable(runs, id) {
  const metric = metricsOf(runs).find((one) => one.id === id);
  const rows = runs.flatMap(
      (run) => run.arms.flatMap(
          (arm, a) =>
              [...run.k.map((k) => [run.name, arm.name, k, 'measured', ...three(valueAt(run, id, a, k))]),
               ...(id !== 'pass_at_k' ?
                       [] :
                       (run.predictions ?? [])
                           .filter((one) => one.arm === a)
                           .flatMap(
                               (one) => one.k.map(
                                   (k,
                                    i) => [run.name, arm.name, k, 'predicted', ...three(one.values[i])])))]));
  return {
    columns: [
      ...armColumns, {id: 'k', title: 'k', unit: ''}, {id: 'kind', title: 'Kind', unit: 'text'},
      ...valueColumns(metric.id, metric.title, metric.unit)
    ],
    rows
  };
}

const chosenMetric = (runs) => metricsOf(runs).find(({id}) => id === state.metric);

addToPage({
  id: 'over-k',
  title: 'Pass@k over k',
  uses: ['metric', 'layout', 'arms'],
  extra: armChooser,
  missing: (runs) =>
      (runs.some((run) => metricOf(run, state.metric) && run.k.length > 1) ? null :
                                                                             'a single k was evaluated'),
  read: (runs) => `What more samples buy: k doubles from tick to tick. Bands are ${
                      levelText()} intervals; grey lines are the arms that are not highlighted. ` +
      'Lines that cross say that the better arm depends on k.' +
      (runs.some((run) => (run.predictions ?? []).length > 0) ?
           ' Dotted lines with hollow marks are predictions beyond the samples taken, not measurements.' :
           ''),
  draw: (runs, width, scope) => drawOverK(runs, width, scope, chosenMetric(scope), 'Pass@k over k'),
  table: (runs) => overKTable(runs, state.metric),
});
