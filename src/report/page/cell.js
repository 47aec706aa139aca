// One cell of the heat map: its problem and its samples. All of it is untrusted text.

const kReasons = {
  correct: (answer, gold) => `the extracted answer ${answer} matches the gold answer ${gold}`,
  wrong: (answer, gold) => `the extracted answer is ${answer}, the gold answer is ${gold}`,
  'no answer': () => 'no answer was found in the text',
  truncated: () => 'it reached the limit of tokens before an answer was found',
  undecided: (answer, gold) =>
      `the checker reached its limit comparing ${answer} with ${gold}: counted, listed, taken as not correct`,
};

const quoted = (text) => (text === null || text === undefined || text === '' ? '(none)' : `“${text}”`);
const verdictOf = (sample) => String(sample[3] ?? '').replaceAll('_', ' ');

/// Why a sample got its verdict, in words.
function reasonOf([, , , verdict, finish, answer, tokens], gold) {
  const why = kReasons[String(verdict).replaceAll('_', ' ')]?.(quoted(answer), quoted(gold)) ??
      `answer ${quoted(answer)}, gold ${quoted(gold)}`;
  return `${why}; finish: ${finish || 'unknown'}` + (isNumber(tokens) ? `, ${counted(tokens, 'token')}` : '');
}

const kSigns = {
  correct: '✓',
  wrong: '✗',
  'no answer': '∅',
  truncated: '…',
  undecided: '?'
};

function sampleNode(sample, gold) {
  const verdict = verdictOf(sample), known = kSigns[verdict] !== undefined;
  return html(
      'li', {class: `sample ${known ? verdict.replace(' ', '-') : ''}`},
      html(
          'p', {class: 'verdict'},
          html('span', {class: 'sign', 'aria-hidden': 'true'}, kSigns[verdict] ?? '·'),
          html('strong', {}, verdict), ` sample ${sample[2]}: `, html('bdi', {}, reasonOf(sample, gold))),
      html('pre', {dir: 'auto', tabindex: 0, 'aria-label': `Text of sample ${sample[2]}`}, sample[7] ?? ''));
}

/// Writes a cell into `detail`, in place of what was there.
function showCell(detail, run, a, p) {
  const problem = run.problems[p];
  const samples = (run.samples ?? []).filter((sample) => sample[0] === a && sample[1] === p);
  const facts = [['Split', problem.split], ...Object.entries(problem.fields ?? {})].filter(
      ([, value]) => value !== '' && value !== null && value !== undefined);
  detail.dataset.cell = `${a},${p}`;
  detail.replaceChildren(
      html('h3', {dir: 'auto'}, `Problem ${problem.id}`),
      html(
          'p', {class: 'facts'}, html('bdi', {}, run.arms[a].name),
          `: ${
              run.n[a][p] > 0 ? `${run.c[a][p]} of ${counted(run.n[a][p], 'sample')} correct` :
                                'no samples'}`,
          facts.map(
              ([name, value]) =>
                  [' · ',
                   html('bdi', {}, `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)])),
      html(
          'dl', {class: 'question'}, html('dt', {}, 'Question'),
          html('dd', {dir: 'auto', class: 'text'}, problem.question ?? ''), html('dt', {}, 'Gold answer'),
          html('dd', {dir: 'auto', class: 'text'}, problem.gold ?? '')),
      samples.length > 0 ?
          html('ol', {class: 'samples'}, samples.map((sample) => sampleNode(sample, problem.gold))) :
          html(
              'p', {class: 'facts'},
              run.samples ? 'No sample of this cell is part of this page; the run directory has them all.' :
                            'This page was made without the texts of samples.'));
  if (samples.length > 0 && samples.length < run.n[a][p])
    detail.append(html(
        'p', {class: 'facts'},
        `${counted(samples.length, 'sample')} of ${run.n[a][p]} shown; the run directory has them all.`));
}
