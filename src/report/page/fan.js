// Lines with bands, one per k, over something that the arms differ in: delta, or the training step.

const seriesName =
    (k, line, run, several) => [`k = ${k}`, several.lines && (line.early ?? ''), several.runs && run.name]
                                   .filter(Boolean)
                                   .join(' · ');

/// The lines of a fan: [{run, line, k, points: [{x, value, arm}|null], cls, dash, shape, hollow, text}].
function fanSeries(runs, ks, linesOf) {
  const several = {runs: runs.length > 1, lines: runs.some((run) => linesOf(run).length > 1)};
  return runs.flatMap(
      (run, r) => linesOf(run).flatMap(
          (line, l) =>
              ks.filter((k) => run.k.includes(k))
                  .map((k) => ({
                         run,
                         line,
                         k,
                         cls: ordered(ks.indexOf(k), ks.length),
                         shape: several.runs ? r : ks.indexOf(k),
                         hollow: l % 2 === 1,
                         dash: kDashes[(several.runs ? r * linesOf(run).length + l : l) % kDashes.length],
                         text: seriesName(k, line, run, several),
                         points: line.points.map(
                             (point) => ({...point, value: valueAt(run, state.metric, point.arm, k)}))
                       }))));
}

function drawSeries(frame, series, metric, xWords) {
  const placed = series.points.map(({x, value, arm}) => value && {
    px: frame.x(x),
    py: frame.y(value[0]),
    low: isNumber(value[1]) ? frame.y(value[1]) : null,
    high: isNumber(value[2]) ? frame.y(value[2]) : null,
    words: `${series.run.arms[arm].name}, ${xWords(x)}, k = ${series.k}: ${withInterval(value, metric.unit)}`
  });
  const chosen = series.k === state.k ? ' chosen' : '';
  return {
    band: bandThrough(placed, series.cls),
    line: lineThrough(placed, series.cls + chosen, series.dash),
    marks: placed.filter(Boolean).map(
        (p) => markAt(
            p.px, p.py,
            {shape: series.shape, cls: series.cls, hollow: series.hollow, words: p.words, r: 3.6})),
    last: placed.filter(Boolean).pop(),
  };
}

/// Draws a fan. `options`: {linesOf(run), xTitle, xWords(x), label, over(frame, metric): further nodes,
/// overValues}.
function drawFan(runs, width, scope, options) {
  const metric = metricsOf(scope).find(({id}) => id === state.metric);
  const ks = thinned(ksOf(scope), 5, state.k);
  const all = scope.flatMap((run) => fanSeries([run], ks, options.linesOf));
  const series = fanSeries(runs, ks, options.linesOf);
  const xs = all.flatMap((one) => one.points.map((point) => point.x));
  const values = [
    ...all.flatMap((one) => one.points.flatMap((point) => point.value ?? [])), ...(options.overValues ?? [])
  ];
  const gutter = gutterFor(series.map((one) => one.text), width);
  const frame = frameOf({
    width,
    height: heightFor(width),
    gutter,
    label: options.label,
    x: {
      domain: [Math.min(...xs), Math.max(...xs)],
      text: (x) => kFormats.tick(x),
      title: options.xTitle,
      ticks: unique(xs).length <= 12 ? unique(xs).sort((a, b) => a - b) : undefined
    },
    y: {
      domain: domainOf(values, {bounds: boundsOf(metric.unit)}),
      text: (y) => axisText(y, metric.unit),
      title: axisTitle(metric)
    }
  });
  const drawn = series.map((one) => drawSeries(frame, one, metric, options.xWords));
  const names = series
                    .map(
                        (one, i) => drawn[i].last &&
                            {x: drawn[i].last.px, y: drawn[i].last.py, text: one.text, cls: one.cls})
                    .filter(Boolean);
  frame.node.append(
      ...drawn.flatMap((one) => one.band), ...drawn.flatMap((one) => one.line),
      ...(options.over?.(frame, metric, ks) ?? []), ...drawn.flatMap((one) => one.marks),
      ...endNames(frame, names, gutter - 16));
  return frame.node;
}

const axisText = (value, unit) =>
    (unit === '%'          ? kFormats.tick(100 * value) :
         unit === 'points' ? kFormats.tick(100 * value) :
                             kFormats.tick(value));
/// A metric's title at one k: "Pass@k" is "Pass@64".
const titleAt = ({title}, k) => (title.includes('@k') ? title.replace('@k', `@${k}`) : `${title}, k = ${k}`);

const axisTitle = ({title, unit}) => (unit === '%' ? `${title}, %` : unit ? `${title}, ${unit}` : title);

/// All values of the metric for the arms of the lines, every k.
function fanTable(runs, linesOf, x) {
  const metric = metricsOf(runs).find(({id}) => id === state.metric);
  return {
    columns: [
      ...armColumns, {id: 'early', title: 'Early', unit: 'text'}, x, {id: 'k', title: 'k', unit: ''},
      ...valueColumns(metric.id, metric.title, metric.unit)
    ],
    rows: runs.flatMap(
        (run) => linesOf(run).flatMap(
            (line) => line.points.flatMap(
                (point) => run.k.map(
                    (k) =>
                        [run.name, run.arms[point.arm].name, line.early ?? null, point.x, k,
                         ...three(valueAt(run, state.metric, point.arm, k))])))),
  };
}
