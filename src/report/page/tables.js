// What is best said in a table: all arms at each k, health, the honest choice, provenance.

/// A table of cells that are made already; the first column heads its row.
const plainTable = (caption, heads, rows) => html('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption}, html('table', {},
  html('thead', {}, html('tr', {}, heads.map((head, i) => html('th', {scope: 'col', class: i > 0 ? 'number' : null}, head)))),
  html('tbody', {}, rows.map((row) => html('tr', {class: row.cls}, row.cells.map((cell, i) => (i === 0 ? html('th', {scope: 'row', dir: 'auto'}, cell) : html('td', {class: `number mark ${cell?.cls ?? ''}`}, cell?.text ?? cell))))))));

const withRange = (value, unit) => (value ? [shown(value[0], unit), isNumber(value[1]) && isNumber(value[2]) ? html('small', {}, `${shown(value[1], unit)}–${shown(value[2], unit)}`) : null] : kDash);

addToPage({
  id: 'arms', title: 'All arms', uses: ['metric'], alone: true, wide: true,
  missing: (runs) => (runs.some((run) => run.arms.length > 0 && metricOf(run, state.metric)) ? null : 'no such metric'),
  read: (runs) => `${chosenMetric(runs).title}${chosenMetric(runs).unit ? ` in ${chosenMetric(runs).unit}` : ''}, mean over problems, and below it the ${levelText()} interval. ${chosenMetric(runs).note ?? ''} ` +
    'Two arms are compared by their difference, not by whether their intervals overlap: they share problems and random numbers. ▸ marks the reference.',
  draw: ([run]) => plainTable('All arms', ['arm', ...run.k.map((k) => `k = ${k}`)], run.arms.map((arm, a) => ({cls: a === run.reference ? 'reference' : null,
    cells: [[a === run.reference ? '▸ ' : '', arm.name, html('small', {}, arm.recipe ?? '')], ...run.k.map((k) => ({text: withRange(valueAt(run, state.metric, a, k), chosenMetric([run]).unit)}))]}))),
  table: (runs) => overKTable(runs, state.metric),
});

const kManyTruncated = 0.01;
const healthFlag = (column, value) => value && ((column.id === 'truncated_share' && value[0] > kManyTruncated) || (column.id === 'undecided_share' && value[0] > 0));

addToPage({
  id: 'health', title: 'Health of the samples', uses: [], alone: true, wide: true,
  missing: (runs) => (runs.some((run) => columnsOf(run, 'health').length > 0) ? null : 'no health columns in this run'),
  read: () => 'What should be looked at before a number is believed. ▲ marks a share that can change the result: more than 1 % of samples cut off at the limit of tokens, or samples that the checker could not decide.',
  draw: ([run]) => html('div', {}, plainTable('Health of the samples', ['arm', ...columnsOf(run, 'health').map(axisTitle)], run.arms.map((arm, a) => ({
    cells: [arm.name, ...columnsOf(run, 'health').map((column) => {
      const value = columnAt(run, column.id, a), flag = healthFlag(column, value);
      return {cls: flag ? 'flag' : '', text: [flag ? '▲ ' : '', shown(value?.[0], column.unit)]};
    })]}))),
    html('dl', {class: 'notes'}, columnsOf(run, 'health').filter((column) => column.note).map((column) => [html('dt', {}, column.title), html('dd', {}, column.note)]))),
  table: (runs) => {
    const ids = unique(runs.flatMap((run) => columnsOf(run, 'health').map((column) => column.id)));
    return {columns: [...armColumns, ...ids.map((id) => ({...runs.map((run) => columnOf(run, id)).find(Boolean), id}))],
      rows: runs.flatMap((run) => run.arms.map((arm, a) => [run.name, arm.name, ...ids.map((id) => columnAt(run, id, a)?.[0] ?? null)]))};
  },
});

addToPage({
  id: 'choice', title: 'The honest choice', uses: [], alone: true, wide: true,
  missing: (runs) => (runs.some((run) => (run.choice ?? []).length > 0) ? null : 'the problems have no split into a choosing and a reporting side'),
  read: () => 'For each k the best arm was chosen on one side of the problems and is reported on the other, where it had no chance to win by luck. Optimism is what the choosing side promised beyond that.',
  draw: ([run]) => plainTable('The honest choice', ['k', 'chosen arm', 'where it was chosen, %', 'where it is reported, %', 'reference there, %', 'difference, points', 'optimism, points'],
    (run.choice ?? []).map((row) => ({cells: [`k\u00a0=\u00a0${row.k}`, html('bdi', {}, run.arms[row.chosen]?.name ?? kDash), ...[row.on_choose, row.on_report, row.reference_on_report].map((value) => ({text: withRange(value, '%')})),
      {text: withRange(row.difference, 'points')}, {text: shown(row.optimism, 'points')}]}))),
  table: (runs) => ({
    columns: [{id: 'run', title: 'Run', unit: 'text'}, {id: 'k', title: 'k', unit: ''}, {id: 'chosen', title: 'Chosen', unit: 'text'}, ...valueColumns('on_choose', 'On choosing side', '%'), ...valueColumns('on_report', 'On reporting side', '%'),
      ...valueColumns('reference_on_report', 'Reference there', '%'), ...valueColumns('difference', 'Difference', 'points'), {id: 'optimism', title: 'Optimism', unit: 'points'}],
    rows: runs.flatMap((run) => (run.choice ?? []).map((row) => [run.name, row.k, run.arms[row.chosen]?.name ?? null, ...three(row.on_choose), ...three(row.on_report), ...three(row.reference_on_report), ...three(row.difference), row.optimism])),
  }),
});

const factRows = (pairs) => html('dl', {class: 'notes'}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== '').map(([name, value]) => [html('dt', {}, name), html('dd', {class: 'mark', dir: 'auto'}, value)]));

addToPage({
  id: 'provenance', title: 'Provenance', numbersTitle: 'SHA-256 of every input file', uses: [], alone: true, wide: true,
  missing: (runs) => (runs.some((run) => run.provenance) ? null : 'none recorded'),
  read: () => 'What it takes to get the same bytes again: the job, the seed, the version, and the SHA-256 of every input file.',
  draw: ([run]) => {
    const {seed, version, hosts, job, inputs} = run.provenance ?? {};
    return html('div', {}, factRows([['Seed', seed], ['wisk', version], ['Hosts', (hosts ?? []).join(', ')], ...Object.entries(run.methods ?? {}).map(([name, words]) => [`Method: ${name.replaceAll('_', ' ')}`, words])]),
      job ? html('details', {class: 'job'}, html('summary', {}, 'The job as it was resolved'), html('pre', {dir: 'auto', tabindex: 0}, job)) : null);
  },
  table: (runs) => ({columns: [{id: 'run', title: 'Run', unit: 'text'}, {id: 'file', title: 'File', unit: 'text'}, {id: 'sha256', title: 'SHA-256', unit: 'text'}],
    rows: runs.flatMap((run) => (run.provenance?.inputs ?? []).map(([file, hash]) => [run.name, file, hash]))}),
});
