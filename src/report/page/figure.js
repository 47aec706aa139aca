// One picture: title, how to read it, the drawing per panel, its numbers. A figure is
// {id, title, uses, missing(runs), read(runs), draw(runs of the panel, width, all runs) -> node, table(runs),
// extra(), wide, alone}.

const figures = [];
const specs = [];
const addToPage = (spec) => specs.push(spec);

/// Chosen mark of a drawing: arrow keys and the pointer walk over the marks, the line below says what they
/// are.
function readable(node, readout) {
  const marks = [...node.querySelectorAll('.mark')];
  let at = -1;
  const show = (index) => {
    if (at >= 0) marks[at].classList.remove('on');
    at = index;
    if (at >= 0) marks[at].classList.add('on');
    readout.textContent = at >= 0 ? marks[at].querySelector('title').textContent : '';
  };
  node.addEventListener('pointerover', (event) => {
    const index = marks.indexOf(event.target);
    if (index >= 0) show(index);
  });
  node.addEventListener('keydown', (event) => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (step === undefined && event.key !== 'Home' && event.key !== 'End') return;
    event.preventDefault();
    if (event.key === 'Home')
      show(0);
    else if (event.key === 'End')
      show(marks.length - 1);
    else
      show(clamp(at + step, 0, marks.length - 1));
  });
  node.addEventListener('blur', () => show(-1));
}

/// Width of a panel on paper in pixels: A4 and Letter between their margins hold it.
const kPrintWidth = 680;

function drawPanel(figure, runs, holder) {
  const width = state.printing ? kPrintWidth / (holder.parentNode.classList.contains('several') ? 2 : 1) :
                                 Math.max(260, Math.floor(holder.clientWidth));
  const readout = html('output', {class: 'readout', 'aria-live': 'polite'});
  const drawing = figure.draw(runs, width, state.runs);
  holder.replaceChildren();
  if (report.runs.length > 1 && runs.length === 1) holder.append(html('h3', {dir: 'auto'}, runs[0].name));
  holder.append(drawing);
  if (drawing.classList.contains('chart')) {
    readable(drawing, readout);
    holder.append(readout);
  } else if (drawing.querySelector('svg.chart')) {
    drawing.querySelectorAll('svg.chart').forEach((chart) => readable(chart, readout));
    holder.append(readout);
  }
}

/// Draws a figure with the choices as they are, or leaves it out and says why.
function drawFigure(figure) {
  const usable = state.runs.filter((run) => !figure.missing([run]));
  const reason = usable.length === 0 ? figure.missing(state.runs) : null;
  figure.node.hidden = reason !== null;
  figure.entry(reason);
  if (reason !== null) return;
  figure.note.textContent = visible(figure.read(usable));
  if (figure.uses.includes('metric'))
    figure.heading.textContent =
        visible(figure.title.replaceAll('Pass', chosenMetric(usable).title.replace(/@k.*/, '')));
  const shownPanels = (figure.alone ? state.runs.map((run) => [run]) : panels())
                          .map((runs) => runs.filter((run) => usable.includes(run)))
                          .filter((runs) => runs.length > 0);
  const several = shownPanels.length > 1 && !figure.wide;
  figure.body.className = `panels${several ? ' several' : ''}`;
  figure.node.className = `figure${figure.wide || several ? ' wide' : ''}`;
  const holders = shownPanels.map(() => html('div', {class: 'panel'}));
  figure.body.replaceChildren(...holders);
  shownPanels.forEach((runs, i) => drawPanel(figure, runs, holders[i]));
  figure.numbers?.details.forget();
}

/// Makes the figure's place on the page; `number` stands before its title.
function addFigure(figure, number) {
  const titleId = `title-${figure.id}`;
  figure.body = html('div', {class: 'panels'});
  figure.note = html('p', {class: 'how'});
  figure.heading = html('span', {}, figure.title);
  figure.numbers = figure.table ? numbersOf(figure.id, figure.title, figure.numbersTitle, () => {
    const usable = state.runs.filter((run) => !figure.missing([run]));
    return usable.length > 0 ? figure.table(usable) :
                               {columns: [], rows: []};  // left out now, but printed or unfolded before
  }) : null;
  figure.node = html(
      'section',
      {class: `figure${figure.wide ? ' wide' : ''}`, id: figure.id, 'aria-labelledby': titleId, tabindex: -1},
      html('h2', {id: titleId}, html('span', {class: 'count'}, String(number)), figure.heading),
      html('div', {class: 'side'}, figure.note, figure.extra?.()), figure.body, figure.numbers?.node);
  const item = html('li', {});
  figure.entry = (reason) => item.replaceChildren(
      reason === null ? html('a', {href: `#${figure.id}`}, figure.title) :
                        html('span', {class: 'absent'}, `${figure.title}: ${reason}`));
  document.getElementById('pictures').append(figure.node);
  figures.push(figure);
  return item;
}
