// From values to pixels.

/// Maps [domain] to [pixels] linearly; `log`: linearly in log2.
function scaleOf(domain, pixels, log = false) {
  const bend = log ? Math.log2 : (value) => value;
  const [from, to] = domain.map(bend);
  const span = to - from || 1;
  return (value) => pixels[0] + ((bend(value) - from) / span) * (pixels[1] - pixels[0]);
}

/// Round values from `low` to `high`, about `count` of them, a step of 1, 2 or 5 times a power of ten.
function ticksOf([low, high], count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/// The smallest and largest of `values` with a margin, never beyond `bounds`; a single value gets room around
/// it.
function domainOf(values, {margin = 0.06, bounds = [-Infinity, Infinity]} = {}) {
  const numbers = values.filter(isNumber);
  if (numbers.length === 0) return [0, 1];
  let low = Infinity, high = -Infinity;
  for (const value of numbers) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const room = (high - low || Math.abs(high) || 1) * (high > low ? margin : 0.1);
  return [Math.max(bounds[0], low - room), Math.min(bounds[1], high + room)];
}

/// The bounds of a unit: shares stay between 0 and 1.
const boundsOf = (unit) => (unit === '%' ? [0, 1] : [-Infinity, Infinity]);

/// At most `count` of the sorted `values`: the first, the last, `keep`, and others evenly between.
function thinned(values, count, keep) {
  if (values.length <= count) return values;
  const picked =
      new Set(range(count).map((i) => values[Math.round((i * (values.length - 1)) / (count - 1))]));
  if (isNumber(keep) && values.includes(keep) && !picked.has(keep)) {
    const nearest = [...picked].slice(1, -1).sort(
        (a, b) => Math.abs(Math.log(a / keep)) - Math.abs(Math.log(b / keep)))[0];
    picked.delete(nearest);
    picked.add(keep);
  }
  return values.filter((value) => picked.has(value));
}

/// Moves `wanted` positions (sorted) apart to at least `gap`, within [low, high] if there is room.
function spread(wanted, gap, low, high) {
  const places = [...wanted];
  for (let i = 0; i < places.length; ++i)
    places[i] = Math.max(places[i], i === 0 ? low : places[i - 1] + gap);
  let limit = high;
  for (let i = places.length - 1; i >= 0; --i) {
    places[i] = Math.min(places[i], limit);
    limit = places[i] - gap;
  }
  return places;
}
