// The row of choices above the pictures.

let controlCount = 0;

/// A labelled select; `options`: [{value, label}]. `set` gets the chosen value.
function selectOf(label, options, chosen, set) {
  const id = `choice-${++controlCount}`;
  const select = html(
      'select', {id, onchange: (event) => set(options[event.target.selectedIndex].value)},
      options.map(({value, label: text}) => html('option', {selected: value === chosen}, text)));
  return html('div', {class: 'choice'}, html('label', {for: id
              }, label), select);
}

/// Buttons that are on or off; `entries`: [{label, on, set}].
function toggles(label, entries) {
  return html(
      'div', {class: 'choice toggles', role: 'group', 'aria-label': label},
      entries.map(
          ({label: text, on, set}) => html(
              'button', {
                type: 'button',
                class: 'toggle',
                'aria-pressed': on ? 'true' : 'false',
                onclick: (event) => {
                  const pressed = event.currentTarget.getAttribute('aria-pressed') !== 'true';
                  event.currentTarget.setAttribute('aria-pressed', pressed ? 'true' : 'false');
                  set(pressed, event.currentTarget);
                }
              },
              html('bdi', {}, text))));
}

function runToggles() {
  return toggles(
      'Runs', report.runs.map((run) => ({
                                label: run.name,
                                on: state.runs.includes(run),
                                set: (on, button) => {
                                  const runs = report.runs.filter(
                                      (other) => (other === run ? on : state.runs.includes(other)));
                                  if (runs.length === 0)
                                    return button.setAttribute('aria-pressed', 'true');  // one run at least
                                  return choose({runs});
                                }
                              })));
}

function drawControls() {
  const decodings = decodingsOf(report.runs);
  const several = report.runs.length > 1;
  const row = document.getElementById('controls');
  row.append(
      selectOf(
          'k', ksOf(report.runs).map((k) => ({value: k, label: String(k)})), state.k, (k) => choose({k})),
      selectOf(
          'Metric', metricsOf(report.runs).map(({id, title}) => ({value: id, label: title})), state.metric,
          (metric) => choose({metric})));
  if (decodings.length > 1) {
    row.append(selectOf(
        'Decoding', decodings.map(({key, label}) => ({value: key, label})), state.decoding,
        (decoding) => choose({decoding})));
  }
  if (!several) return;
  row.append(
      runToggles(),
      selectOf(
          'Runs', [{value: 'side', label: 'side by side'}, {value: 'over', label: 'in one picture'}],
          state.layout, (layout) => choose({layout})));
}

/// The chooser of highlighted arms, folded: up to fifty names are too many to look at all the time.
function armChooser() {
  const names = unique(report.runs.flatMap((run) => run.arms.map((arm) => arm.name)));
  if (names.length < 2) return null;
  const summary = html('summary', {}, `Highlighted arms: ${state.arms.size} of ${names.length}`);
  return html(
      'details', {class: 'chooser'}, summary,
      toggles('Highlighted arms', names.map((name) => ({
                                              label: name,
                                              on: state.arms.has(name),
                                              set: (on) => {
                                                highlight(name, on);
                                                summary.textContent =
                                                    `Highlighted arms: ${state.arms.size} of ${names.length}`;
                                                choose({arms: state.arms});
                                              }
                                            }))));
}
