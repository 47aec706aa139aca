// Every picture's numbers: a table for readers, a CSV file for programs. `table`: {columns: [{id, title,
// unit}], rows} with raw values; shares stay shares in the file and become percent in the table.

/// A field of RFC 4180. Text that a spreadsheet would take for a formula gets an apostrophe in front.
function csvField(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const text = /^[=+\-@\t\r]/.test(String(value)) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csvOf =
    ({columns,
      rows}) => [columns.map(({id}) => id), ...rows].map((row) => row.map(csvField).join(',')).join('\r\n') +
    '\r\n';

function tableOf({columns, rows}, caption) {
  const numeric = (column) => column.unit !== 'text';
  const title = ({title, unit}) => title + (unit === '%' ? ', %' : unit === 'points' ? ', points' : '');
  return html(
      'div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption},
      html(
          'table', {}, html('caption', {}, caption),
          html(
              'thead', {},
              html(
                  'tr', {},
                  columns.map(
                      (column) => html(
                          'th', {scope: 'col', class: numeric(column) ? 'number' : null}, title(column))))),
          html(
              'tbody', {},
              rows.map(
                  (row) => html(
                      'tr', {},
                      row.map(
                          (value, i) => i === 0 ?
                              html('th', {scope: 'row', dir: 'auto'}, shown(value, columns[i].unit)) :
                              html(
                                  'td', {
                                    class: numeric(columns[i]) ? 'number' : null,
                                    dir: numeric(columns[i]) ? null : 'auto'
                                  },
                                  shown(value, columns[i].unit))))))));
}

/// Offers `text` as a file: a blob of this page, so it works from a mail and leaves nothing behind.
function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], {type: 'text/csv;charset=utf-8'}));
  const link = html('a', {href: address, download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

const kTooLongToPrint = 200;

/// The folded table and the button below a picture. The table is made when it is opened first.
function numbersOf(id, title, summary, make) {
  const body = html('div', {});
  const details =
      html('details', {class: 'numbers'}, html('summary', {}, summary ?? 'Numbers as a table'), body);
  const build = () => {
    if (body.childElementCount > 0) return;
    body.append(tableOf(make(), title));
  };
  details.addEventListener('toggle', () => details.open && build());
  details.unfold = () => {  // for print
    if (make().rows.length > kTooLongToPrint) return;
    build();
    details.open = true;
  };
  details.forget = () => {
    body.replaceChildren();
    if (details.open) build();
  };
  const button = html(
      'button', {
        type: 'button',
        class: 'csv',
        'aria-label': `Download CSV: ${title}`,
        onclick: () => download(`wisk-${id}.csv`, csvOf(make()))
      },
      'Download CSV');
  return {node: html('div', {class: 'under'}, details, button), details};
}

const armColumns = [{id: 'run', title: 'Run', unit: 'text'}, {id: 'arm', title: 'Arm', unit: 'text'}];
const valueColumns = (id, title, unit) =>
    [{id, title, unit}, {id: `${id}_low`, title: 'low', unit}, {id: `${id}_high`, title: 'high', unit}];
const three = (triple) => [triple?.[0] ?? null, triple?.[1] ?? null, triple?.[2] ?? null];
