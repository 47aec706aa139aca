// The map of delta x temperature: a cell for each arm, its value as colour and as number.

/// Maps of a run: [{label, cells: [{arm, delta, temperature}]}], one per early checkpoint and remaining
/// decoding setting, where both delta and temperature vary.
function mapsOf(run) {
  const found = new Map();
  for (const {key, label} of decodingsOf([run])) {
    for (const line of deltaLines(run, key)) {
      for (const {arm, x} of line.points) {
        const rest = decodingKey(run.arms[arm], 'temperature');
        const id = `${line.early}\n${rest}`;
        if (!found.has(id))
          found.set(id, {
            early: line.early,
            rest: decodingsOf([run], 'temperature').find((one) => one.key === rest)?.label ?? label,
            cells: []
          });
        found.get(id).cells.push({arm, delta: x, temperature: run.arms[arm].temperature});
      }
    }
  }
  return [...found.values()].filter(
      ({cells}) =>
          unique(cells.map((c) => c.delta)).length > 1 && unique(cells.map((c) => c.temperature)).length > 1);
}

/// Step 0..10 of the colour scale for a value.
const shade = (value, [low, high]) => Math.round(10 * clamp((value - low) / (high - low || 1), 0, 1));

function drawMap(run, map, width, metric, domain) {
  const deltas = unique(map.cells.map((c) => c.delta)).sort((a, b) => a - b),
        temperatures = unique(map.cells.map((c) => c.temperature)).sort((a, b) => b - a);
  const left = 46, top = kTop, cellHeight = 46, height = top + cellHeight * temperatures.length + 46;
  const cellWidth = Math.min(110, (width - left - 8) / deltas.length);
  const cells = map.cells.map(({arm, delta, temperature}) => {
    const value = valueAt(run, state.metric, arm, state.k);
    const x = left + cellWidth * deltas.indexOf(delta),
          y = top + cellHeight * temperatures.indexOf(temperature);
    if (!value) return svg('rect', {class: 'cell none', x, y, width: cellWidth - 2, height: cellHeight - 2});
    const step = shade(value[0], domain),
          interval = `${shown(value[1], metric.unit)}–${shown(value[2], metric.unit)}`;
    return svg(
        'g', {class: step > 6 ? 'inverse' : null},
        svg('rect', {class: `mark cell h${step}`, x, y, width: cellWidth - 2, height: cellHeight - 2},
            svg('title', {}, `${run.arms[arm].name}, k = ${state.k}: ${withInterval(value, metric.unit)}`)),
        svg('text', {class: 'cell-value', x: x + cellWidth / 2 - 1, y: y + 21, 'text-anchor': 'middle'},
            shown(value[0], metric.unit)),
        textWidth(interval, 10) < cellWidth - 6 && isNumber(value[1]) ?
            svg('text',
                {class: 'cell-interval', x: x + cellWidth / 2 - 1, y: y + 36, 'text-anchor': 'middle'},
                interval) :
            null);
  });
  const right = left + cellWidth * deltas.length - 2;
  return svg(
      'svg', pictureAttributes(width, height, `Map of delta and temperature, ${map.early}`),
      svg('text', {class: 'axis-title', x: 0, y: 14}, `temperature`), cells,
      temperatures.map(
          (temperature, i) =>
              svg('text',
                  {class: 'tick', x: left - 10, y: top + cellHeight * (i + 0.5) + 3, 'text-anchor': 'end'},
                  kFormats.tick(temperature))),
      deltas.map(
          (delta, i) => svg(
              'text',
              {class: 'tick', x: left + cellWidth * (i + 0.5) - 1, y: height - 28, 'text-anchor': 'middle'},
              kFormats.tick(delta))),
      svg('text', {class: 'axis-title', x: right, y: height - 8, 'text-anchor': 'end'},
          'delta, the weight of the early checkpoint'));
}

const mapValues = (runs) =>
    runs.flatMap(
            (run) => mapsOf(run).flatMap(
                (map) => map.cells.map(({arm}) => valueAt(run, state.metric, arm, state.k)?.[0])))
        .filter(isNumber);

addToPage({
  id: 'map',
  title: 'Delta and temperature',
  uses: ['k', 'metric'],
  alone: true,
  missing: (runs) =>
      (runs.some((run) => mapsOf(run).length > 0) ? null : 'delta and temperature do not both vary'),
  read: (runs) =>
      `${
          titleAt(
              chosenMetric(runs), state.k)} for each pair: darker is higher (in dark mode: brighter), from ${
          shown(Math.min(...mapValues(runs)), chosenMetric(runs)?.unit)} to ` +
      `${shown(Math.max(...mapValues(runs)), chosenMetric(runs)?.unit)}; small numbers are ${
          levelText()} intervals. If blending only did what a higher temperature does, the highest cells would lie on a diagonal.`,
  draw: ([run], width, scope) => html(
      'div', {},
      mapsOf(run).map(
          (map) =>
              [mapsOf(run).length > 1 ?
                   html(
                       'h4', {dir: 'auto'},
                       [`early: ${map.early}`, map.rest !== 'the only one' ? map.rest : null]
                           .filter(Boolean)
                           .join(', ')) :
                   null,
               drawMap(
                   run, map, width, chosenMetric(scope),
                   [Math.min(...mapValues(scope)), Math.max(...mapValues(scope))])])),
  table: (runs) => {
    const metric = chosenMetric(runs);
    return {
      columns: [
        ...armColumns, {id: 'early', title: 'Early', unit: 'text'},
        {id: 'delta', title: 'delta', unit: 'tick'}, {id: 'temperature', title: 'Temperature', unit: 'tick'},
        {id: 'k', title: 'k', unit: ''}, ...valueColumns(metric.id, metric.title, metric.unit)
      ],
      rows: runs.flatMap(
          (run) => mapsOf(run).flatMap(
              (map) => map.cells.map(
                  ({arm, delta, temperature}) =>
                      [run.name, run.arms[arm].name, map.early, delta, temperature, state.k,
                       ...three(valueAt(run, state.metric, arm, state.k))])))
    };
  },
});
