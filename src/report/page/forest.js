// Differences to the reference arm at one k: a forest plot, one row an arm.

const differenceAt = (run, arm, k) => {
  const value = run.differences?.values?.[arm]?.[run.k.indexOf(k)];
  return value && value.d && isNumber(value.d[0]) ? value : null;
};

const forestRows = (run) => run.arms.map((arm, a) => ({run, arm, a, value: differenceAt(run, a, state.k)}))
                                .filter((row) => row.a !== run.reference && row.value);

/// Whether a test after Holm's adjustment tells the arm from the reference.
const isDistinct = (value) => isNumber(value.holm) && value.holm < 1 - (report.level ?? 0.95) + 1e-12;

function forestRow(frame, row, y, looks) {
  const {d, p, holm, best} = row.value, low = isNumber(d[1]) ? d[1] : d[0],
                     high = isNumber(d[2]) ? d[2] : d[0];
  const words = `${row.arm.name} minus ${row.run.arms[row.run.reference].name}, k = ${state.k}: ${
      withInterval(d, 'points')}, p ${shown(p, 'p')}, after Holm ${shown(holm, 'p')}, best with probability ${
      shown(best, 'probability')}`;
  const cls = isDistinct(row.value) ? (d[0] > 0 ? 'gain' : 'loss') : 'tie';
  const name = looks.narrow ?
      svg('text', {class: 'row-name', x: 0, y: y - 11}, shortened(row.arm.name, frame.width - 110),
          svg('title', {}, row.arm.name)) :
      svg('text', {class: 'row-name', x: 0, y: y + 4}, shortened(row.arm.name, looks.names - 12),
          svg('title', {}, row.arm.name));
  const columns = looks.narrow ? [[frame.width, `p = ${shown(holm, 'p')}`.replace('= <', '<'), y - 11]] : [
    [frame.right + 92, shown(d[0], 'points'), y + 4], [frame.right + 158, shown(holm, 'p'), y + 4],
    [frame.right + 216, shown(best, 'probability'), y + 4]
  ];
  return svg(
      'g', {class: cls}, name, whisker([frame.x(low), y], [frame.x(high), y], cls),
      [low, high].map(
          (end) => svg(
              'line', {class: `whisker ${cls}`, x1: frame.x(end), x2: frame.x(end), y1: y - 4, y2: y + 4})),
      markAt(frame.x(d[0]), y, {shape: 1, cls, hollow: cls === 'tie', words, r: 4.4}),
      columns.map(
          ([x, text, base]) => svg('text', {class: 'row-number', x, y: base, 'text-anchor': 'end'}, text)));
}

function drawForest([run], width, scope) {
  const rows = forestRows(run), narrow = width < 560, step = narrow ? 40 : 26;
  const looks = {
    narrow,
    names: Math.min(width * 0.26, Math.max(...rows.map((row) => textWidth(row.arm.name, 12))) + 18)
  };
  const height = kTop + step * rows.length + kBottom + 4;
  const domain = domainOf([0, ...scope.flatMap(forestRows).flatMap((row) => row.value.d)]);
  const frame = {
    width,
    left: narrow ? 8 : looks.names,
    right: narrow ? width - 8 : width - 222,
    top: kTop - 6,
    bottom: height - kBottom
  };
  frame.x = scaleOf(domain, [frame.left, frame.right]);
  const heads = narrow ?
      [[width, 'p after Holm']] :
      [[frame.right + 92, 'difference'], [frame.right + 158, 'p (Holm)'], [frame.right + 216, 'P(best)']];
  return svg(
      'svg', {
        class: 'chart forest',
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: 'group',
        'aria-roledescription': 'picture',
        'aria-label': `Differences to ${run.arms[run.reference].name}`,
        tabindex: 0
      },
      xAxis(frame, {
        ticks: ticksOf(domain, Math.max(3, Math.round((frame.right - frame.left) / 90))),
        text: (v) => shown(v, 'points').replace('.0', ''),
        title: `difference in Pass@${state.k}, percentage points`
      }),
      svg('line', {class: 'zero', x1: frame.x(0), x2: frame.x(0), y1: frame.top - 4, y2: frame.bottom}),
      heads.map(([x, text]) => svg('text', {class: 'axis-title', x, y: 14, 'text-anchor': 'end'}, text)),
      rows.map((row, i) => forestRow(frame, row, kTop + step * (i + 0.5) + (narrow ? 6 : 0), looks)));
}

addToPage({
  id: 'forest',
  title: 'Differences to the reference',
  uses: ['k'],
  alone: true,
  missing: (runs) =>
      (runs.every((run) => !isNumber(run.reference)) ? 'no reference arm' :
           runs.some((run) => isNumber(run.reference) && forestRows(run).length > 0) ?
                                                       null :
                                                       `no differences at k = ${state.k}`),
  read: (runs) =>
      `Each arm minus ${
          listed(unique(runs.filter((run) => isNumber(run.reference))
                            .map((run) => run.arms[run.reference].name)))}, over the same problems, at k = ${
          state.k}. ` +
      `A bar that crosses the line at 0 is no proof of a difference. Filled marks: distinguishable ` +
      `after Holm's adjustment for the number of arms; hollow: not. P(best) is the probability of being ` +
      `the best arm at this k.`,
  draw: drawForest,
  table: (runs) => ({
    columns: [
      ...armColumns, {id: 'reference', title: 'Reference', unit: 'text'}, {id: 'k', title: 'k', unit: ''},
      ...valueColumns('difference', 'Difference', 'points'), {id: 'p', title: 'p', unit: 'p'},
      {id: 'p_holm', title: 'p after Holm', unit: 'p'}, {id: 'p_best', title: 'P(best)', unit: 'probability'}
    ],
    rows: runs.filter((run) => isNumber(run.reference))
              .flatMap(
                  (run) => run.arms.flatMap(
                      (arm, a) => run.k
                                      .map((k) => {
                                        const value = differenceAt(run, a, k);
                                        return value && a !== run.reference ?
                                            [
                                              run.name, arm.name, run.arms[run.reference].name, k,
                                              ...three(value.d), value.p, value.holm, value.best
                                            ] :
                                            null;
                                      })
                                      .filter(Boolean))),
  }),
});
