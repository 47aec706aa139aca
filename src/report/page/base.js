'use strict';
// Elements of the page. Whatever a run says (names, questions, completions) is untrusted: it becomes a text
// node or the value of an attribute that holds text, never markup, a style or an address.

const kSvg = 'http://www.w3.org/2000/svg';

/// Characters that would be invisible or turn the text around: C0, C1, zero width, bidirectional controls,
/// line separators. Joiners (200C, 200D) stay, emoji need them; so do tab and line feed.
const kHidden =
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/// `text` with its hidden characters made visible: "␛" for escape, "⟨U+202E⟩" for a right-to-left override.
function visible(text) {
  return String(text ?? '').replace(kHidden, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/// Adds attributes (null and false: left out; "onclick": a listener) and children (null: left out) to `node`.
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on'))
      node.addEventListener(name.slice(2), value);
    else
      node.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
  return node;
}

const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(kSvg, tag), attributes, children);

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const range = (count) => Array.from({length: count}, (_, index) => index);
const unique = (values) => [...new Set(values)];
const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

const ruler = document.createElement('canvas').getContext('2d');

/// Width of `text` in pixels as the pictures write it.
function textWidth(text, size = 12) {
  if (!ruler) return 0.55 * size * String(text).length;
  ruler.font = `${size}px "Helvetica Neue", "Liberation Sans", Arial, sans-serif`;
  return ruler.measureText(visible(text)).width;
}

/// `text` cut at its end, with an ellipsis, to at most `width` pixels.
function shortened(text, width, size = 12) {
  const letters = [...visible(text)];
  if (textWidth(letters.join(''), size) <= width) return letters.join('');
  while (letters.length > 1 && textWidth(letters.join('') + '…', size) > width) letters.pop();
  return letters.join('') + '…';
}
