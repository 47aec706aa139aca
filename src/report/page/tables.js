// What is best said in a table: all arms at each k, and the health of their samples.

/// A table of cells that are made already; the first column heads its row.
const plainTable = (caption, heads, rows) => html(
    'div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption},
    html(
        'table', {},
        html(
            'thead', {},
            html(
                'tr', {},
                heads.map((head, i) => html('th', {scope: 'col', class: i > 0 ? 'number' : null}, head)))),
        html(
            'tbody', {},
            rows.map(
                (row) => html(
                    'tr', {class: row.cls},
                    row.cells.map(
                        (cell, i) =>
                            (i === 0 ? html('th', {scope: 'row', dir: 'auto'}, cell) :
                                       html(
                                           'td', {class: `number mark ${cell?.cls ?? ''}`},
                                           cell?.text ?? cell))))))));

const withRange = (value, unit) =>
    (value ?
         [
           shown(value[0], unit),
           isNumber(value[1]) && isNumber(value[2]) ?
               html('small', {}, `${shown(value[1], unit)}–${shown(value[2], unit)}`) :
               null
         ] :
         kDash);

addToPage({
  id: 'arms',
  title: 'All arms',
  uses: ['metric'],
  alone: true,
  wide: report.runs.some((run) => run.k.length > 5),
  missing: (runs) =>
      (runs.some((run) => run.arms.length > 0 && metricOf(run, state.metric)) ? null : 'no such metric'),
  read: (runs) => `${chosenMetric(runs).title}${
                      chosenMetric(runs).unit ? ` in ${chosenMetric(runs).unit}` :
                                                ''}, mean over problems, and below it the ${
                      levelText()} interval. ${chosenMetric(runs).note ?? ''} ` +
      'Two arms are compared by their difference, not by whether their intervals overlap: they share ' +
      'problems and random numbers. ▸ marks the reference.',
  draw: ([run]) => plainTable(
      'All arms', ['arm', ...run.k.map((k) => `k = ${k}`)],
      run.arms.map(
          (arm, a) => ({
            cls: a === run.reference ? 'reference' : null,
            cells: [
              [a === run.reference ? '▸ ' : '', arm.name, html('small', {}, arm.recipe ?? '')],
              ...run.k.map(
                  (k) => ({text: withRange(valueAt(run, state.metric, a, k), chosenMetric([run]).unit)}))
            ]
          }))),
  table: (runs) => overKTable(runs, state.metric),
});

const kManyTruncated = 0.01;
const healthFlag = (column, value) => value &&
    ((column.id === 'truncated_share' && value[0] > kManyTruncated) ||
     (column.id === 'undecided_share' && value[0] > 0));

addToPage({
  id: 'health',
  title: 'Health of the samples',
  uses: [],
  alone: true,
  wide: true,
  missing: (runs) =>
      (runs.some((run) => columnsOf(run, 'health').length > 0) ? null : 'no health columns in this run'),
  read: () => 'What should be looked at before a number is believed. ▲ marks a share that can change the ' +
      'result: more than 1 % of samples cut off at the limit of tokens, or samples that the checker ' +
      'could not decide.',
  draw: ([run]) => html(
      'div', {},
      plainTable(
          'Health of the samples', ['arm', ...columnsOf(run, 'health').map(axisTitle)],
          run.arms.map((arm, a) => ({
                         cells: [
                           arm.name, ...columnsOf(run, 'health').map((column) => {
                             const value = columnAt(run, column.id, a), flag = healthFlag(column, value);
                             return {
                               cls: flag ? 'flag' : '',
                               text: [flag ? '▲ ' : '', withRange(value, column.unit)]
                             };
                           })
                         ]
                       }))),
      html(
          'dl', {class: 'notes'},
          columnsOf(run, 'health')
              .filter((column) => column.note)
              .map((column) => [html('dt', {}, column.title), html('dd', {}, column.note)]))),
  table: (runs) => {
    const ids = unique(runs.flatMap((run) => columnsOf(run, 'health').map((column) => column.id)));
    return {
      columns: [
        ...armColumns, ...ids.flatMap((id) => {
          const column = runs.map((run) => columnOf(run, id)).find(Boolean);
          return valueColumns(id, column.title, column.unit);
        })
      ],
      rows: runs.flatMap(
          (run) => run.arms.map(
              (arm, a) => [run.name, arm.name, ...ids.flatMap((id) => three(columnAt(run, id, a)))]))
    };
  },
});
