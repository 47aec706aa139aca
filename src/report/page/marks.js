// Marks, lines, bands. A series is told by its colour (class s0..s7, or q0..q8 along an order), by the shape
// of its mark and by its dashes: any one of them suffices.

const kShapes = [
  (r) => `M${r},0A${r},${r} 0 1 1 ${- r},0A${r},${r} 0 1 1 ${r},0Z`,
  (r) => `M${- r * 0.9},${- r * 0.9}H${r * 0.9}V${r * 0.9}H${- r * 0.9}Z`,
  (r) => `M0,${- r * 1.2}L${r * 1.15},${r * 0.85}H${- r * 1.15}Z`,
  (r) => `M0,${- r * 1.3}L${r * 1.3},0L0,${r * 1.3}L${- r * 1.3},0Z`,
  (r) => `M0,${r * 1.2}L${r * 1.15},${- r * 0.85}H${- r * 1.15}Z`,
  (r) => `M${- r * 1.2},${- r * 0.4}H${- r * 0.4}V${- r * 1.2}H${r * 0.4}V${- r * 0.4}H${r * 1.2}V${
      r * 0.4}H${r * 0.4}V${r * 1.2}H${- r * 0.4}V${r * 0.4}H${- r * 1.2}Z`,
  (r) => `M${- r * 1.1},${r * 1.1}L${- r * 1.1},${- r * 1.1}L${r * 1.1},0Z`,
  (r) => `M${r * 1.1},${r * 1.1}L${r * 1.1},${- r * 1.1}L${- r * 1.1},0Z`,
];
const kDiamond = 3;
const kDashes = [null, '6 3', '2 3', '9 3 2 3', '12 4', '1 4', '6 2 1 2 1 2', '4 4'];

/// The colour class of step `i` of `count` along an order (k, delta).
const ordered = (i, count) => `q${count < 2 ? 4 : Math.round((8 * i) / (count - 1))}`;

/// A data mark. `hollow`: of the second, third... run; `words` are read out and shown when it is chosen.
function markAt(x, y, {shape = 0, cls = 's0', hollow = false, words = '', r = 4, kind = ''}) {
  return svg(
      'path', {
        class: `mark ${cls}${hollow ? ' hollow' : ''}${kind ? ` ${kind}` : ''}`,
        d: kShapes[shape % kShapes.length](r),
        transform: `translate(${x.toFixed(2)},${y.toFixed(2)})`
      },
      svg('title', {}, words));
}

/// A vertical or horizontal interval through (x, y).
function whisker([x1, y1], [x2, y2], cls) { return svg('line', {class: `whisker ${cls}`, x1, y1, x2, y2}); }

/// `points` [{px, py, low, high}] in pixels, split where one is missing (null).
function pieces(points) {
  const result = [[]];
  for (const point of points) {
    if (point)
      result[result.length - 1].push(point);
    else
      result.push([]);
  }
  return result.filter((piece) => piece.length > 0);
}

const pathOf = (points) =>
    points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(2)},${y.toFixed(2)}`).join('');

const lineThrough = (points, cls, dash) =>
    pieces(points).filter((piece) => piece.length > 1).map((piece) => svg('path', {
                                                             class: `line ${cls}`,
                                                             d: pathOf(piece.map((p) => [p.px, p.py])),
                                                             'stroke-dasharray': dash
                                                           }));

/// The area between the lower and upper ends of the intervals.
const bandThrough = (points, cls) =>
    pieces(points.map((p) => (p && isNumber(p.low) && isNumber(p.high) ? p : null)))
        .filter((piece) => piece.length > 1)
        .map((piece) => svg('path', {
               class: `band ${cls}`,
               d: `${pathOf([
                 ...piece.map((p) => [p.px, p.high]), ...[...piece].reverse().map((p) => [p.px, p.low])
               ])}Z`
             }));

/// A small picture of a series' mark and line, for a legend.
function swatch(place, {cls = `s${place % 8}`, dash = null, hollow = false} = {}) {
  return svg(
      'svg', {class: 'swatch', width: 26, height: 12, viewBox: '0 0 26 12', 'aria-hidden': 'true'},
      svg('line', {class: `line ${cls}`, x1: 0, x2: 26, y1: 6, y2: 6, 'stroke-dasharray': dash}),
      svg('path', {
        class: `key ${cls}${hollow ? ' hollow' : ''}`,
        d: kShapes[place % kShapes.length](3.6),
        transform: 'translate(13,6)'
      }));
}
