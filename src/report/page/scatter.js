// Arms as points of a plane: Pass@1 against Pass@k with the frontier; bias against variance.

/// Arms along a line (delta, or training), joined in the picture: [[arm, ...]].
const joinedArms = (run) => decodingsOf([run])
                                .flatMap(({key}) => [...deltaLines(run, key), ...trajectoryLine(run, key)])
                                .map((line) => line.points.map((point) => point.arm));

/// Points {run, arm, x: triple, y: triple} of the arms that have both values.
function pointsOf(run, xOf, yOf) {
  return run.arms.map((_, arm) => ({run, arm, x: xOf(run, arm), y: yOf(run, arm)}))
      .filter((point) => point.x && point.y);
}

/// The points that no other beats in both directions, the leftmost first.
function frontierOf(points) {
  return points
      .filter(
          (p) => !points.some(
              (q) => q !== p && q.x[0] >= p.x[0] && q.y[0] >= p.y[0] && (q.x[0] > p.x[0] || q.y[0] > p.y[0])))
      .sort((a, b) => a.x[0] - b.x[0]);
}

const placeOf = (point) => state.arms.get(point.run.arms[point.arm].name);

function scatterMarks(frame, points, runs, words) {
  return points.map((point) => {
    const place = placeOf(point), lit = place !== undefined;
    return markAt(frame.x(point.x[0]), frame.y(point.y[0]), {
      shape: lit ? place : 0,
      cls: lit ? `s${place % 8}` : 'context',
      hollow: runs.indexOf(point.run) % 2 === 1,
      words: words(point),
      r: lit ? 5 : 3.6
    });
  });
}

const crossOf = (frame, {
  x,
  y,
  ...point
}) => [isNumber(x[1]) && isNumber(x[2]) ?
           whisker([frame.x(x[1]), frame.y(y[0])], [frame.x(x[2]), frame.y(y[0])], classOf(point)) :
           null,
       isNumber(y[1]) && isNumber(y[2]) ?
           whisker([frame.x(x[0]), frame.y(y[1])], [frame.x(x[0]), frame.y(y[2])], classOf(point)) :
           null]
          .filter(Boolean);
const classOf = (point) => (placeOf(point) === undefined ? 'context' : `s${placeOf(point) % 8}`);

/// Lines between the arms of a delta line or a trajectory.
const joints = (frame, runs, points) => runs.flatMap(
    (run) => joinedArms(run).flatMap(
        (arms) => lineThrough(
            arms.map((arm) => points.find((point) => point.run === run && point.arm === arm) ?? null)
                .map((point) => point && {px: frame.x(point.x[0]), py: frame.y(point.y[0])}),
            'joint', null)));

/// Names of the highlighted arms first, then of the others as far as there is room.
function scatterNames(frame, points, runs) {
  const named =
      [...points]
          .sort((a, b) => (placeOf(a) ?? 99) - (placeOf(b) ?? 99))
          .map((point) => ({
                 x: frame.x(point.x[0]),
                 y: frame.y(point.y[0]),
                 cls: classOf(point),
                 text: point.run.arms[point.arm].name + (runs.length > 1 ? ` · ${point.run.name}` : '')
               }));
  return besideNames(frame, named, named);
}

const firstK = (runs) => ksOf(runs)[0];
const xOfFrontier = (run, arm) => valueAt(run, state.metric, arm, firstK([run]));
const yOfFrontier = (run, arm) => valueAt(run, state.metric, arm, state.k);

function drawFrontier(runs, width, scope) {
  const metric = chosenMetric(scope), k1 = firstK(scope);
  const all = scope.flatMap((run) => pointsOf(run, xOfFrontier, yOfFrontier)),
        points = all.filter((point) => runs.includes(point.run));
  const lit = points.filter((point) => placeOf(point) !== undefined);
  const room = (side) =>
      all.flatMap((point) => (placeOf(point) !== undefined ? point[side] : [point[side][0]]));
  const axis = (k, side) => ({
    domain: domainOf(room(side), {bounds: boundsOf(metric.unit)}),
    text: (v) => axisText(v, metric.unit),
    title: axisTitle({...metric, title: titleAt(metric, k)})
  });
  const frame = frameOf({
    width,
    height: heightFor(width) + 30,
    label: 'Small k against large k',
    x: axis(k1, 'x'),
    y: axis(state.k, 'y')
  });
  const best = frontierOf(points).map((point) => [frame.x(point.x[0]), frame.y(point.y[0])]);
  const steps =
      best.flatMap(([x, y], i) => (i === 0 ? [[frame.left, y], [x, y]] : [[best[i - 1][0], y], [x, y]]));
  if (best.length > 0) steps.push([best[best.length - 1][0], frame.bottom]);
  const words = (point) => `${point.run.arms[point.arm].name}: k = ${k1} ${
      withInterval(point.x, metric.unit)}, k = ${state.k} ${withInterval(point.y, metric.unit)}`;
  frame.node.append(
      svg('path', {class: 'frontier', d: pathOf(steps)}), ...joints(frame, runs, points),
      ...lit.flatMap((point) => crossOf(frame, point)), ...scatterMarks(frame, points, runs, words),
      ...scatterNames(frame, points, runs));
  return frame.node;
}

addToPage({
  id: 'frontier',
  title: 'Pass@1 against Pass@k',
  uses: ['k', 'metric', 'layout', 'arms'],
  missing: (runs) =>
      (state.k === firstK(runs) ? 'choose a k above the smallest' :
           runs.some((run) => pointsOf(run, xOfFrontier, yOfFrontier).length > 1) ?
                                  null :
                                  'fewer than two arms have both values'),
  read: (runs) => `To the right: right with ${
                      firstK(runs) === 1 ? 'one sample' : counted(firstK(runs), 'sample')}; up: with ${
                      state.k}. The staircase is the frontier: no other arm is better at both. ` +
      `Thin lines join the arms of one delta line or one training run; crosses are ${
                      levelText()} intervals of the highlighted arms.`,
  draw: drawFrontier,
  table: (runs) => {
    const metric = chosenMetric(runs), k1 = firstK(runs);
    return {
      columns: [
        ...armColumns, ...valueColumns(`at_${k1}`, `k = ${k1}`, metric.unit),
        ...valueColumns(`at_${state.k}`, `k = ${state.k}`, metric.unit),
        {id: 'frontier', title: 'On the frontier', unit: 'text'}
      ],
      rows: runs.flatMap((run) => {
        const points = pointsOf(run, xOfFrontier, yOfFrontier), best = frontierOf(points);
        return points.map(
            (point) =>
                [run.name, run.arms[point.arm].name, ...three(point.x), ...three(point.y),
                 best.includes(point) ? 'yes' : 'no']);
      })
    };
  },
});
