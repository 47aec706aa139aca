// Puts the page together and draws again what a choice or the width of the window changes.

const kOrder = [
  'arms', 'over-delta', 'over-k', 'trajectory', 'frontier', 'plane', 'map', 'forest', 'votes', 'diversity',
  'heat', 'health', 'choice', 'provenance'
];

/// Pictures at the width of paper, and everything that is folded opened.
function unfoldForPrint() {
  state.printing = true;
  figures.forEach(drawFigure);
  for (const details of document.querySelectorAll('details:not(.chooser):not([open])')) {
    details.classList.add('for-print');
    if (details.unfold)
      details.unfold();
    else
      details.open = true;
  }
}

function foldAfterPrint() {
  for (const details of document.querySelectorAll('details.for-print')) {
    details.classList.remove('for-print');
    details.open = false;
  }
  state.printing = false;
  figures.forEach(drawFigure);
}

function start() {
  chooseAtFirst();
  drawHead(kOrder.map((id, i) => addFigure(specs.find((spec) => spec.id === id), i + 1)));
  drawControls();
  figures.forEach(drawFigure);
  listeners.push(
      (changed) =>
          figures
              .filter(
                  (figure) => changed.includes('runs') || figure.uses.some((use) => changed.includes(use)))
              .forEach(drawFigure));
  let width = window.innerWidth, timer = 0;
  window.addEventListener('resize', () => {
    if (window.innerWidth === width) return;  // a phone's address bar came or went
    width = window.innerWidth;
    clearTimeout(timer);
    timer = setTimeout(() => figures.forEach(drawFigure), 120);
  });
  window.addEventListener('beforeprint', unfoldForPrint);
  window.addEventListener('afterprint', foldAfterPrint);
}

start();
