// Numbers as a reader sees them. Units: "%" is a share from 0 to 1 shown in percent, "points" a difference of
// two such shares, "p" a probability of a test, "" a plain number, "text" no number at all.

const kDash = '–';
const signed = (text) => text.replace('-', '\u2212');

/// Three significant digits, or whole: 0.0123, 1.23, 12.3, 123, 12346.
function plain(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value)) return signed(String(value));
  if (size >= 100) return signed(value.toFixed(0));
  if (size >= 10) return signed(value.toFixed(1));
  if (size >= 1) return signed(value.toFixed(2));
  return signed(value.toFixed(3));
}

const kFormats = {
  '%': (value) => signed((100 * value).toFixed(1)),
  points: (value) => (value > 0 ? '+' : '') + signed((100 * value).toFixed(1)),
  p: (value) => (value < 0.001 ? '< 0.001' : value.toFixed(3)),
  probability: (value) => value.toFixed(2),
  tick: (value) => signed(String(Number(value.toPrecision(6)))),
};

/// A value without its unit's name; a dash where there is none.
function shown(value, unit) {
  if (!isNumber(value))
    return value === null || value === undefined || unit !== 'text' ? kDash : String(value);
  return (kFormats[unit] ?? plain)(value);
}

const unitName = (unit) =>
    (unit === '%'                                                   ? ' %' :
         unit === 'points'                                          ? ' points' :
         unit && unit.length > 1 && unit !== 'p' && unit !== 'text' ? ` ${unit}` :
                                                                      '');

/// [mean, low, high] as "61.2 % (57.0 to 65.4)".
function withInterval(triple, unit) {
  if (!triple || !isNumber(triple[0])) return 'no value';
  const interval = isNumber(triple[1]) && isNumber(triple[2]) ?
      ` (${shown(triple[1], unit)} to ${shown(triple[2], unit)})` :
      '';
  return shown(triple[0], unit) + unitName(unit) + interval;
}

/// "1 sample", "2 samples".
const counted = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

/// "a", "a and b", "a, b and c".
const listed = (words) =>
    words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;

const levelText = () => `${Number((100 * (report.level ?? 0.95)).toFixed(2))} %`;
