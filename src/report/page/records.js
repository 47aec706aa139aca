// The honest choice, and what the run was made from.

addToPage({
  id: 'choice',
  title: 'The honest choice',
  uses: [],
  alone: true,
  wide: true,
  missing: (runs) =>
      (runs.some((run) => (run.choice ?? []).length > 0) ?
           null :
           'the problems have no split into a choosing and a reporting side'),
  read: () =>
      'For each k the best arm was chosen on one side of the problems and is reported on the other, ' +
      'where it had no chance to win by luck. Optimism is what a choice and a report on the same problems would overstate on average.',
  draw: ([run]) => plainTable(
      'The honest choice',
      [
        'k', 'chosen arm', 'where it was chosen, %', 'where it is reported, %', 'reference there, %',
        'difference, points', 'optimism, points'
      ],
      (run.choice ??
       []).map((row) => ({
                 cells: [
                   `k\u00a0=\u00a0${row.k}`, html('bdi', {}, run.arms[row.chosen]?.name ?? kDash),
                   ...[row.on_choose, row.on_report, row.reference_on_report].map(
                       (value) => ({text: withRange(value, '%')})),
                   {text: withRange(row.difference, 'points')}, {text: shown(row.optimism, 'points')}
                 ]
               }))),
  table: (runs) => ({
    columns: [
      {id: 'run', title: 'Run', unit: 'text'}, {id: 'k', title: 'k', unit: ''},
      {id: 'chosen', title: 'Chosen', unit: 'text'}, ...valueColumns('on_choose', 'On choosing side', '%'),
      ...valueColumns('on_report', 'On reporting side', '%'),
      ...valueColumns('reference_on_report', 'Reference there', '%'),
      ...valueColumns('difference', 'Difference', 'points'),
      {id: 'optimism', title: 'Optimism', unit: 'points'}
    ],
    rows: runs.flatMap(
        (run) =>
            (run.choice ?? [])
                .map(
                    (row) =>
                        [run.name, row.k, run.arms[row.chosen]?.name ?? null, ...three(row.on_choose),
                         ...three(row.on_report), ...three(row.reference_on_report), ...three(row.difference),
                         row.optimism])),
  }),
});

const factRows = (pairs) => html(
    'dl', {class: 'notes'},
    pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => [html('dt', {}, name), html('dd', {class: 'mark', dir: 'auto'}, value)]));

addToPage({
  id: 'provenance',
  title: 'Provenance',
  numbersTitle: 'SHA-256 of every input file',
  uses: [],
  alone: true,
  wide: true,
  missing: (runs) => (runs.some((run) => run.provenance) ? null : 'none recorded'),
  read: () =>
      'What it takes to get the same bytes again: the job, the seed, the version, and the SHA-256 of ' +
      'every input file.',
  draw: ([run]) => {
    const {seed, version, hosts, job, inputs} = run.provenance ?? {};
    return html(
        'div', {}, factRows([
          ['Seed', seed], ['wisk', version], ['Hosts', (hosts ?? []).join(', ')],
          ...Object.entries(run.methods ?? {})
              .map(([name, words]) => [`Method: ${name.replaceAll('_', ' ')}`, words])
        ]),
        job ? html(
                  'details', {class: 'job'}, html('summary', {}, 'The job as it was resolved'),
                  html('pre', {dir: 'auto', tabindex: 0}, job)) :
              null);
  },
  table: (runs) => ({
    columns: [
      {id: 'run', title: 'Run', unit: 'text'}, {id: 'file', title: 'File', unit: 'text'},
      {id: 'sha256', title: 'SHA-256', unit: 'text'}
    ],
    rows: runs.flatMap((run) => (run.provenance?.inputs ?? []).map(([file, hash]) => [run.name, file, hash]))
  }),
});
