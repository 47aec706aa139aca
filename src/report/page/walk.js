// Moving over the cells of the heat map, with the pointer and with the keyboard.

/// Pointer, arrow keys, Home, End, Enter and space over the cells. `pick(a, p)` shows a cell.
function walkCells(map, run, order, cells, readout, pick) {
  let active = cells[0]?.[0] ?? null;
  const say = (cell) => {
    readout.textContent = visible(cellWords(run, cell.place[0], order[cell.place[1]]));
  };
  const activate = (cell) => {
    active?.setAttribute('tabindex', -1);
    active = cell;
    active.setAttribute('tabindex', 0);
    active.setAttribute('aria-label', visible(cellWords(run, active.place[0], order[active.place[1]])));
    active.focus();
    say(active);
  };
  const show = (cell) => {
    run.picked = [cell.place[0], order[cell.place[1]]];  // drawn again, the map shows it again
    map.querySelector('.picked')?.classList.remove('picked');
    cell.classList.add('picked');
    pick(cell.place[0], order[cell.place[1]]);
  };
  active?.setAttribute('tabindex', 0);
  active?.setAttribute('aria-label', visible(cellWords(run, 0, order[0])));
  if (run.picked) show(cells[run.picked[0]][order.indexOf(run.picked[1])]);
  map.addEventListener('pointerover', (event) => event.target.place && say(event.target));
  map.addEventListener('click', (event) => {
    if (!event.target.place) return;
    activate(event.target);
    show(event.target);
  });
  map.addEventListener('keydown', (event) => {
    const [a, i] = active.place, last = order.length - 1;
    const next = {
      ArrowRight: [a, i + 1],
      ArrowLeft: [a, i - 1],
      ArrowDown: [a + 1, i],
      ArrowUp: [a - 1, i],
      Home: [a, 0],
      End: [a, last]
    }[event.key];
    if (event.key === 'Enter' || event.key === ' ')
      show(active);
    else if (!next)
      return;
    else
      activate(cells[clamp(next[0], 0, cells.length - 1)][clamp(next[1], 0, last)]);
    event.preventDefault();
  });
}
