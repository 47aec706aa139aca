// Diversity: distinct answers over k, and the run's columns of diversity as points with intervals.

/// A dot plot of one column: a row an arm, the values on a common axis.
function drawDots([run], width, scope, column) {
  const rows =
      run.arms.map((arm, a) => ({arm, a, value: columnAt(run, column.id, a)})).filter((row) => row.value);
  const narrow = width < 420, step = 22,
        names = Math.min(
            width * (narrow ? 0.34 : 0.3), Math.max(...rows.map((row) => textWidth(row.arm.name, 12))) + 16);
  const height = kTop + step * rows.length + kBottom;
  const values = scope.flatMap((one) => one.arms.flatMap((_, a) => columnAt(one, column.id, a) ?? []));
  const domain = domainOf(values, {bounds: boundsOf(column.unit), margin: 0.08});
  const frame = {left: names, right: width - 14, top: kTop - 8, bottom: height - kBottom};
  frame.x = scaleOf(domain, [frame.left, frame.right]);
  return svg(
      'svg', pictureAttributes(width, height, column.title),
      svg('text', {class: 'axis-title', x: 0, y: 14}, shortened(axisTitle(column), width - 4)), xAxis(frame, {
        ticks: ticksOf(domain, Math.max(2, Math.round((frame.right - frame.left) / 80))),
        text: (v) => axisText(v, column.unit),
        title: ''
      }),
      rows.map((row, i) => dotRow(frame, row, kTop + step * (i + 0.5) - 6, names, column)));
}

function dotRow(frame, {arm, value}, y, names, column) {
  const place = state.arms.get(arm.name), cls = place === undefined ? 'context' : `s${place % 8}`;
  return svg(
      'g', {},
      svg('text', {class: 'row-name', x: 0, y: y + 4}, shortened(arm.name, names - 12),
          svg('title', {}, arm.name)),
      svg('line', {class: 'grid', x1: frame.left, x2: frame.right, y1: y, y2: y}),
      isNumber(value[1]) && isNumber(value[2]) ?
          whisker([frame.x(value[1]), y], [frame.x(value[2]), y], cls) :
          null,
      markAt(frame.x(value[0]), y, {
        shape: place ?? 0,
        cls,
        words: `${arm.name}, ${column.title}: ${withInterval(value, column.unit)}`,
        r: 4
      }));
}

const diversityMetric = (runs) => metricsOf(runs).find((metric) => metric.id === 'distinct_at_k');
const hasColumn = (run, column) => run.arms.some((_, a) => columnAt(run, column.id, a));

addToPage({
  id: 'diversity',
  title: 'Diversity of answers',
  uses: ['arms'],
  alone: true,
  missing: (runs) =>
      (runs.some(
           (run) => diversityMetric([run]) ||
               columnsOf(run, 'diversity').some((column) => hasColumn(run, column))) ?
           null :
           'no distinct answers and no entropy in this run'),
  read: (runs) =>
      (diversityMetric(runs) ?
           'How many different answers k samples of a problem give, on average: a line that flattens ' +
               'early belongs to an arm that repeats itself, so that more samples bring little. ' :
           '') +
      'The dots show each arm once; bars are ' +
      `${levelText()} intervals.`,
  draw: ([run], width, scope) => {
    const metric = diversityMetric([run]),
          columns = columnsOf(run, 'diversity').filter((column) => hasColumn(run, column));
    const pair = width >= 700 && columns.length + (metric ? 1 : 0) > 1,
          each = pair ? Math.floor((width - 36) / 2) : width;
    return html(
        'div', {class: pair ? 'pair' : 'stack'},
        metric && run.k.length > 1 ? drawOverK([run], each, scope, metric, metric.title) : null,
        columns.map((column) => drawDots([run], each, scope, column)));
  },
  table: (runs) => {
    const columns = unique(runs.flatMap((run) => columnsOf(run, 'diversity').map((column) => column.id)))
                        .map((id) => runs.map((run) => columnOf(run, id)).find(Boolean));
    const metric = diversityMetric(runs), ks = metric ? ksOf(runs) : [];
    return {
      columns: [
        ...armColumns, ...columns.flatMap((column) => valueColumns(column.id, column.title, column.unit)),
        ...ks.flatMap((k) => valueColumns(`distinct_at_${k}`, `distinct at ${k}`, ''))
      ],
      rows: runs.flatMap(
          (run) => run.arms.map(
              (arm, a) =>
                  [run.name, arm.name, ...columns.flatMap((column) => three(columnAt(run, column.id, a))),
                   ...ks.flatMap((k) => three(valueAt(run, 'distinct_at_k', a, k)))]))
    };
  },
});
