// The head of the page: what was run, what came out in words, what to beware of.

/// "Pass@64 is highest for X: 71 % (..). Against the reference Y it is +5 points (..), p = ... after Holm."
function sentenceOf(run, k) {
  const best = highestArm(run, 'pass_at_k', k);
  if (best < 0) return null;
  const value = valueAt(run, 'pass_at_k', best, k), unit = metricOf(run, 'pass_at_k').unit;
  const start = [
    html('strong', {}, `Pass@${k}`), ' measures highest for ',
    html('bdi', {class: 'arm'}, run.arms[best].name), `: ${withInterval(value, unit)}. `
  ];
  if (!isNumber(run.reference)) return start;
  const reference = html('bdi', {class: 'arm'}, run.arms[run.reference].name);
  if (best === run.reference) return [start, 'That is the reference arm itself.'];
  const difference = differenceAt(run, best, k);
  if (!difference) return start;
  return [
    start, 'Against the reference ', reference, ` that is ${withInterval(difference.d, 'points')}: `,
    isDistinct(difference) ? 'distinguishable' : 'not distinguishable',
    ` (p\u00a0=\u00a0${shown(difference.holm, 'p').replace(' ', '\u00a0')} after Holm).`.replace(
        '=\u00a0<', '<')
  ];
}

/// The winner's number without its luck: chosen on one side of the problems, reported on the other.
function honestly(run, k) {
  const row = (run.choice ?? []).find((one) => one.k === k);
  if (!row?.on_report || !run.arms[row.chosen])
    return run.arms.length > 2 ? 'The highest of many arms is high partly by luck.' : null;
  return [
    `Chosen on one side of the problems, reported on the other: at k\u00a0=\u00a0${k} `,
    html('bdi', {class: 'arm'}, run.arms[row.chosen].name), ` with ${withInterval(row.on_report, '%')}.`
  ];
}

function runGlance(run) {
  // Arms that share samples drew none of their own.
  const drawn = (run.n ?? []).filter((row, a) => (run.arms[a]?.sampled_as ?? a) === a);
  const samples = drawn.flat().reduce((sum, n) => sum + (n ?? 0), 0), ks = ksOf([run]);
  const sentences =
      unique([ks[0], ks[ks.length - 1]]).filter(isNumber).map((k) => sentenceOf(run, k)).filter(Boolean);
  return html(
      'section', {class: 'glance'},
      html(
          'h2', {dir: 'auto'}, run.name, run.complete ? null : html('span', {class: 'badge'}, 'incomplete'),
          run.mixed_hardware ? html('span', {class: 'badge'}, 'mixed hardware') : null),
      html(
          'p', {class: 'facts'},
          `${counted(run.arms.length, 'arm')} · ${counted((run.problems ?? []).length, 'problem')} · ${
              counted(samples, 'sample')} · seed ${run.provenance?.seed ?? kDash}`),
      sentences.map((sentence) => html('p', {class: 'finding'}, sentence)),
      sentences.length > 0 && honestly(run, ks[ks.length - 1]) ?
          html('p', {class: 'facts'}, honestly(run, ks[ks.length - 1])) :
          null,
      (run.warnings ?? []).length > 0 ?
          html(
              'ul', {class: 'warnings'},
              run.warnings.map(
                  (words) => html('li', {dir: 'auto'}, html('span', {'aria-hidden': 'true'}, '▲ '), words))) :
          null);
}

function drawHead(entries) {
  document.getElementById('head').append(
      html('p', {class: 'kicker'}, 'wisk report'), html('h1', {dir: 'auto'}, report.title),
      html('div', {class: 'glances'}, report.runs.map(runGlance)),
      html('nav', {'aria-label': 'Pictures'}, html('ol', {class: 'contents'}, entries)));
  document.getElementById('foot').append(html(
      'p', {},
      `Made by wisk ${
          report.version ??
          ''}. This file holds all of its data and loads nothing from anywhere; intervals are ${
          levelText()} intervals.`));
}
