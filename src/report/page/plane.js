// The bias-variance plane of the paper (Dang et al., arXiv 2504.10478): bias 1 - E rho, variance Var rho of
// the problems' Pass@1, and the level lines of the bound Pass@k <= 1 - ((1 - E rho)^2 + Var rho)^(k/2), k
// >= 2.

/// One minus the levels: of the bound every tenth, then ever closer to 100 %, where large k put it.
const kMisses =
    [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, ...range(60).map((i) => 10 ** -(i + 3))];
const kMostLevels = 7;

const kRaised = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const levelWords = (miss) =>
    (miss > 0.0005 ?
         `${Number((100 * (1 - miss)).toFixed(1))} %` :
         `1 − 10⁻${[...String(Math.round(-Math.log10(miss)))].map((digit) => kRaised[digit]).join('')}`);

const biasAt = (run, arm) => {
  const mean = columnAt(run, 'mean_pass_at_1', arm);
  return mean &&
      [1 - mean[0], isNumber(mean[2]) ? 1 - mean[2] : null, isNumber(mean[1]) ? 1 - mean[1] : null];
};
const varianceAt = (run, arm) => columnAt(run, 'variance_pass_at_1', arm);
const planeK = () => Math.max(2, state.k);

/// The variance at which the bound is 1 - `miss` for a bias.
const varianceOfLevel = (miss, bias, k) => miss ** (2 / k) - bias * bias;

/// Level lines inside the frame, each with its value where it leaves it.
function levelLines(frame, [left, right], [low, high], k) {
  const inside = (miss) => varianceOfLevel(miss, left, k) > low && varianceOfLevel(miss, right, k) < high;
  const misses = kMisses.filter(inside);
  return thinned(misses, kMostLevels, null).flatMap((miss) => {
    const points = range(61)
                       .map((i) => left + ((right - left) * i) / 60)
                       .map((bias) => ({bias, variance: varianceOfLevel(miss, bias, k)}))
                       .filter(({variance}) => variance >= low && variance <= high);
    if (points.length < 2) return [];
    const pixels = points.map(({bias, variance}) => [frame.x(bias), frame.y(variance)]);
    const [x, y] = pixels[0];  // the upper left end
    return [svg(
        'g', {class: 'level'}, svg('path', {d: pathOf(pixels)}),
        svg('text', {x: x + 4, y: y - 4 < frame.top + 8 ? y + 12 : y - 4}, levelWords(miss)))];
  });
}

function drawPlane(runs, width, scope) {
  const all = scope.flatMap((run) => pointsOf(run, biasAt, varianceAt)),
        points = all.filter((point) => runs.includes(point.run));
  const side = (name) =>
      all.flatMap((point) => (placeOf(point) !== undefined ? point[name] : [point[name][0]]));
  const xs = domainOf(side('x'), {bounds: [0, 1], margin: 0.12}),
        ys = domainOf(side('y'), {bounds: [0, 0.25], margin: 0.12});
  const k = planeK();
  const frame = frameOf({
    width,
    height: heightFor(width) + 30,
    label: 'Bias and variance of Pass@1 over problems',
    x: {domain: xs, text: kFormats.tick, title: 'bias, 1 − mean Pass@1'},
    y: {domain: ys, text: kFormats.tick, title: 'variance of Pass@1 over problems'}
  });
  const words = (point) => `${point.run.arms[point.arm].name}: bias ${withInterval(point.x, '')}, variance ${
                               withInterval(point.y, '')}; bound at k = ${k}: ` +
      `${shown(1 - (point.x[0] ** 2 + point.y[0]) ** (k / 2), '%')} %`;
  frame.node.append(
      ...levelLines(frame, xs, ys, k), ...joints(frame, runs, points),
      ...points.filter((point) => placeOf(point) !== undefined).flatMap((point) => crossOf(frame, point)),
      ...scatterMarks(frame, points, runs, words), ...scatterNames(frame, points, runs));
  return frame.node;
}

addToPage({
  id: 'plane',
  title: 'Bias and variance',
  uses: ['k', 'layout', 'arms'],
  missing: (runs) =>
      (runs.some((run) => pointsOf(run, biasAt, varianceAt).length > 0) ?
           null :
           'no variance of Pass@1 over problems'),
  read: () =>
      `Lower left is better. To the left: more problems right at the first try; down: problems are more ` +
      `alike in difficulty, not always right or always wrong. ` +
      `Grey lines join points with the same bound on Pass@${planeK()}, its value written at the line` +
      (state.k < 2 ? ' (the bound says nothing for k = 1, so k = 2 is shown)' : '') +
      '. The bound explains, it never ranks: it can lie far above what was measured.',
  draw: drawPlane,
  table: (runs) => ({
    columns: [
      ...armColumns, ...valueColumns('bias', 'Bias', ''), ...valueColumns('variance', 'Variance', ''),
      {id: 'k', title: 'k', unit: ''}, {id: 'bound', title: 'Bound', unit: '%'},
      {id: 'pass_at_k', title: 'Pass@k', unit: '%'}
    ],
    rows: runs.flatMap(
        (run) => run.arms.flatMap(
            (arm, a) =>
                run.k.filter((k) => k >= 2)
                    .map(
                        (k) =>
                            [run.name, arm.name, ...three(biasAt(run, a)), ...three(varianceAt(run, a)), k,
                             run.bound?.[a]?.[run.k.indexOf(k)] ?? null,
                             valueAt(run, 'pass_at_k', a, k)?.[0] ?? null]))),
  }),
});
