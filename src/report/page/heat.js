// The heat map: a row an arm, a column a problem, from the easiest to the hardest. One cell can be focused;
// arrow keys move, Enter shows its samples below the map.

/// Mean of c / n over the arms of `runs` that sampled the problem, by id of the problem.
function easeOf(runs) {
  const sums = new Map();
  for (const run of runs) {
    (run.problems ?? []).forEach((problem, p) => run.arms.forEach((_, a) => {
      const n = run.n?.[a]?.[p] ?? 0;
      if (n === 0) return;
      const sum = sums.get(problem.id) ?? [0, 0];
      sums.set(problem.id, [sum[0] + run.c[a][p] / n, sum[1] + 1]);
    }));
  }
  return new Map([...sums].map(([id, [sum, count]]) => [id, sum / count]));
}

/// Indices of the problems, the easiest first; those never sampled last; ties in the file's order.
function byEase(run, ease) {
  const of = (p) => ease.get(run.problems[p].id) ?? -1;
  return range(run.problems.length).sort((a, b) => of(b) - of(a) || a - b);
}

const cellWords = (run, a, p) => {
  const n = run.n[a][p], c = run.c[a][p];
  return `${run.arms[a].name}, problem ${run.problems[p].id}: ${
      n > 0 ? `${c} of ${n} correct` : 'no samples'}`;
};

/// The map's sizes in pixels.
function heatLayout(run, width) {
  const row = run.arms.length > 24 ? 12 : 18;
  const names = Math.min(
      Math.max(...run.arms.map((arm) => textWidth(arm.name, row > 12 ? 12 : 10))) + 14, width * 0.34);
  const fitting = (width - names - 4) / run.problems.length;  // paper cannot scroll
  const column = state.printing ? Math.min(fitting, 22) : clamp(Math.floor(fitting), 6, 22);
  return {
    row,
    names,
    column,
    top: 44,
    height: 44 + row * run.arms.length + 26,
    width: column * run.problems.length + 2
  };
}

/// Step 0..10 of the colour scale: the ends are for none and all of the samples only.
const heatStep = (c, n) => (c === 0 ? 0 : c === n ? 10 : clamp(Math.round((10 * c) / n), 1, 9));

function heatCells(run, order, {row, column, top}) {
  return run.arms.map((arm, a) => svg('g', {role: 'row', 'aria-label': arm.name}, order.map((p, i) => {
                        const n = run.n[a][p], cls = n > 0 ? `h${heatStep(run.c[a][p], n)}` : 'none';
                        const cell = svg('rect', {
                          class: `cell ${cls}`,
                          role: 'gridcell',
                          x: column * i,
                          y: top + row * a,
                          width: Math.max(0.75 * column, column - 1),
                          height: row - 1,
                          tabindex: -1
                        });
                        cell.place = [a, i];
                        return cell;
                      })));
}

/// Above the map: the mean over arms as bars; below them a stroke for problems of the side that chose.
function easeBars(run, order, ease, {column, top}) {
  return order.map((p, i) => {
    const height = 26 * (ease.get(run.problems[p].id) ?? 0), split = run.problems[p].split;
    return svg(
        'g', {}, svg('rect', {
          class: 'ease',
          x: column * i,
          y: 34 - height,
          width: Math.max(0.75 * column, column - 1),
          height
        }),
        split ? svg('rect', {
          class: `split ${split === 'choose' ? 'choose' : 'report'}`,
          x: column * i,
          y: 37,
          width: Math.max(0.75 * column, column - 1),
          height: 3
        }) :
                null);
  });
}

function drawHeat([run], width, scope) {
  const ease = easeOf(scope), order = byEase(run, ease), layout = heatLayout(run, width);
  const rows = heatCells(run, order, layout), cells = rows.map((row) => [...row.children]);
  const map =
      svg('svg', {
        class: 'heat',
        width: layout.width,
        height: layout.height,
        role: 'grid',
        'aria-label': `Problems by arm, ${run.name}`,
        'aria-rowcount': run.arms.length,
        'aria-colcount': order.length
      },
          easeBars(run, order, ease, layout), rows,
          svg('text', {class: 'tick', x: 0, y: layout.height - 8}, 'easiest'),
          layout.width > 120 ?
              svg('text', {class: 'tick', x: layout.width - 2, y: layout.height - 8, 'text-anchor': 'end'},
                  'hardest problem') :
              null);
  const names = svg(
      'svg', {class: 'heat-names', width: layout.names, height: layout.height, 'aria-hidden': 'true'},
      svg('text', {class: 'tick', x: 0, y: 32}, 'mean of arms'),
      run.arms.map(
          (arm, a) => svg(
              'text', {
                class: layout.row > 12 ? 'row-name' : 'row-name small',
                x: 0,
                y: layout.top + layout.row * (a + 0.5) + 4
              },
              shortened(arm.name, layout.names - 8, layout.row > 12 ? 12 : 10), svg('title', {}, arm.name))));
  const readout = html('output', {class: 'readout'}),
        detail = html(
            'div', {class: 'detail', role: 'region', 'aria-label': 'The chosen cell', 'aria-live': 'polite'});
  walkCells(map, run, order, cells, readout, (a, p) => showCell(detail, run, a, p));
  return html(
      'div', {}, html('div', {class: 'heat-box'}, names, html('div', {class: 'scroll heat-scroll'}, map)),
      readout, heatKey(run), detail);
}

const heatKey = (run) =>
    html(
        'p', {class: 'scale'}, 'correct: 0 % ',
        svg('svg', {width: 132, height: 12, 'aria-hidden': 'true'},
            range(11).map((i) => svg('rect', {class: `cell h${i}`, x: 12 * i, y: 0, width: 11, height: 12}))),
        ' 100 %',
        run.n.flat().some((n) => n === 0) ?
            [
              ' · ',
              svg('svg', {width: 14, height: 12, 'aria-hidden': 'true'},
                  svg('rect', {class: 'cell none', x: 0, y: 0, width: 11, height: 12})),
              ' no samples'
            ] :
            null,
        run.problems.some((problem) => problem.split) ?
            [
              ' · ',
              svg('svg', {width: 14, height: 12, 'aria-hidden': 'true'},
                  svg('rect', {class: 'split choose', x: 0, y: 5, width: 11, height: 3})),
              ' problems that chose the arm'
            ] :
            null);

addToPage({
  id: 'heat',
  title: 'Problem by problem',
  uses: [],
  alone: true,
  wide: true,
  missing: (runs) =>
      (runs.some((run) => (run.problems ?? []).length > 0 && run.arms.length > 0 && run.n) ? null :
                                                                                             'no problems'),
  read: () => 'The share of correct samples of each arm (row) on each problem (column), the easiest at the ' +
      'left. A row with many pale and dark cells and few between is always right or always wrong: ' +
      'more samples will not help it. Click a cell, or move with the arrow keys and press Enter, to ' +
      'read its samples.',
  draw: drawHeat,
  table: (runs) => ({
    columns: [
      ...armColumns, {id: 'problem', title: 'Problem', unit: 'text'},
      {id: 'split', title: 'Split', unit: 'text'}, {id: 'n', title: 'n', unit: ''},
      {id: 'c', title: 'correct', unit: ''}
    ],
    rows: runs.flatMap(
        (run) => run.arms.flatMap(
            (arm, a) => run.problems.map(
                (problem, p) => [run.name, arm.name, problem.id, problem.split, run.n[a][p], run.c[a][p]]))),
  }),
});
