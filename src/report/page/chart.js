// A picture's frame: axes, grid, titles, and names written at the ends of lines.

const kTop = 34, kBottom = 46;

/// Of the element of a whole picture.
const pictureAttributes = (width, height, label) => ({
  class: 'chart',
  width,
  height,
  viewBox: `0 0 ${width} ${height}`,
  role: 'group',
  'aria-roledescription': 'picture',
  'aria-label': label,
  tabindex: 0
});

/// The axis of k, for frameOf.
const axisOfK = (ks) => ({
  domain: [ks[0], ks[ks.length - 1]],
  log: true,
  ticks: ks,
  text: String,
  title: 'k, samples of a problem (log scale)'
});

function xAxis(frame, {ticks, text, title}) {
  const marks = ticks.map((tick) => [frame.x(tick), text(tick)]);
  let free = -Infinity;
  const labels = marks.map(([x, words]) => {
    const half = textWidth(words, 12) / 2;
    if (x - half < free) return null;  // no room: its tick stays
    free = x + half + 8;
    return svg('text', {class: 'tick', x, y: frame.bottom + 19, 'text-anchor': 'middle'}, words);
  });
  return svg(
      'g', {class: 'axis'},
      svg('line', {class: 'base', x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom}),
      marks.map(([x]) => svg('line', {class: 'base', x1: x, x2: x, y1: frame.bottom, y2: frame.bottom + 4})),
      labels,
      svg('text', {
        class: 'axis-title',
        x: Math.max(frame.right, textWidth(title)),
        y: frame.bottom + 38,
        'text-anchor': 'end'
      },
          title));
}

function yAxis(frame, {ticks, text, title}) {
  return svg(
      'g', {class: 'axis'},
      ticks.map(
          (tick) =>
              svg('line',
                  {class: 'grid', x1: frame.left, x2: frame.right, y1: frame.y(tick), y2: frame.y(tick)})),
      ticks.map(
          (tick) =>
              svg('text', {class: 'tick', x: frame.left - 8, y: frame.y(tick) + 4, 'text-anchor': 'end'},
                  text(tick))),
      svg('text', {class: 'axis-title', x: 0, y: 14}, title));
}

/// A frame of `width` x `height` pixels with both axes. An axis: {domain, log, ticks, text, title}; `gutter`:
/// room for names at the right. Returns {node, x, y, left, right, top, bottom}; x and y map values to pixels.
function frameOf({width, height, x, y, gutter = 14, label}) {
  const yTicks = y.ticks ?? ticksOf(y.domain, Math.max(4, Math.round(height / 52)));
  const left = Math.ceil(Math.max(...yTicks.map((tick) => textWidth(y.text(tick), 12)))) + 12;
  const frame = {left, right: width - gutter, top: kTop, bottom: height - kBottom, width, height};
  const xTicks = x.ticks ?? ticksOf(x.domain, Math.max(2, Math.round((frame.right - left) / 80)));
  frame.x = scaleOf(x.domain, [left, frame.right], x.log);
  frame.y = scaleOf(y.domain, [frame.bottom, frame.top], y.log);
  frame.node =
      svg('svg', pictureAttributes(width, height, label), yAxis(frame, {...y, ticks: yTicks}),
          xAxis(frame, {...x, ticks: xTicks}));
  return frame;
}

const heightFor = (width) => Math.round(clamp(width * 0.6, 280, 430));

/// Names at the right ends of lines, moved apart, each tied to its line. `names`: [{x, y, text, cls}].
function endNames(frame, names, room) {
  const sorted = [...names].sort((a, b) => a.y - b.y);
  const places = spread(sorted.map((name) => name.y), 15, frame.top, frame.bottom);
  return sorted.map(
      (name, i) => svg(
          'g', {class: `name ${name.cls}`},
          svg('path', {class: 'leader', d: pathOf([[name.x + 6, name.y], [frame.right + 10, places[i]]])}),
          svg('text', {x: frame.right + 13, y: places[i] + 4}, shortened(name.text, room),
              svg('title', {}, name.text))));
}

/// The gutter that the longest of `texts` needs, at most `share` of the width; 14 when names go below
/// instead.
function gutterFor(texts, width, share = 0.3) {
  const longest = Math.max(0, ...texts.map((text) => textWidth(text, 12)));
  return Math.min(longest + 24, Math.max(70, width * share));
}

/// Names beside points of a scatter, where they cover no point and no other name; those that find no place
/// are left out (their mark tells its name). `points`: [{x, y, text, cls}], the important ones first.
function besideNames(frame, points, others) {
  const taken = others.map(({x, y}) => [x - 5, y - 5, x + 5, y + 5]);
  const nodes = [];
  for (const {x, y, text, cls} of points) {
    const words = shortened(text, 170, 12), w = textWidth(words, 12);
    const beside = [[x + 9, y + 4], [x - 9 - w, y + 4], [x - w / 2, y - 10], [x - w / 2, y + 18]];
    const aslant = [
      [x + 8, y - 8], [x - 8 - w, y - 8], [x + 8, y + 17], [x - 8 - w, y + 17]
    ];  // clear of a cross of intervals
    const places = cls === 'context' ? [...beside, ...aslant] : [...aslant, ...beside];
    const place = places.find(
        ([left, base]) => left > frame.left && left + w < frame.width - 2 && base > frame.top &&
            base < frame.bottom - 2 &&
            !taken.some(([a, b, c, d]) => left < c && left + w > a && base - 11 < d && base + 3 > b));
    if (!place) continue;
    taken.push([place[0] - 3, place[1] - 12, place[0] + w + 3, place[1] + 4]);
    nodes.push(svg('text', {class: `beside ${cls}`, x: place[0], y: place[1]}, words));
  }
  return nodes;
}
