/** Elements from values: what is passed in is text, never HTML. */

const SVG = 'http://www.w3.org/2000/svg';

/** Glyphs of 24 x 24, drawn as lines. */
const GLYPHS = {
  play: 'M7 4.5v15l12-7.5z',
  stop: 'M6 6h12v12H6z',
  pause: 'M8 5v14M16 5v14',
  record: 'M12 12m-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0',
  camera: 'M3 7h12v10H3zM15 11l6-3.5v9L15 13',
  screen: 'M3 5h18v11H3zM9 20h6M12 16v4',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  clip: 'M3 5h18v14H3zM3 9.5h18M8 5v4.5M14 5v4.5',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 12m-2.8 0a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0-5.6 0',
  hidden:
    'M4 4l16 16M9.5 5.8A9.8 9.8 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a16 16 0 0 1-3 3.700M6 7.700A16 16 0 0 0 2.5 12S6 18.5 12 18.5a9.300 9.300 0 0 0 3.6-.7',
  download: 'M12 4v11M7.5 11l4.5 4.5L16.5 11M5 20h14',
  options: 'M4 7h9M17 7h3M4 17h3M11 17h9M13 4.5v5M7 14.5v5',
  upload: 'M12 16V5M7.5 9L12 4.5 16.5 9M5 20h14',
  remove: 'M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13',
  again: 'M5 12a7 7 0 1 1 2.200 5.100M5 20v-4.5h4.5',
};

/**
 * Return a new element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean>} [attributes] false: without it; true: it has
 *   no value
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children);
  return made;
}

/**
 * Return one of the glyphs, hidden from screen readers.
 *
 * @param {keyof typeof GLYPHS} name
 */
export function glyph(name) {
  const picture = document.createElementNS(SVG, 'svg');
  picture.setAttribute('class', 'glyph');
  picture.setAttribute('viewBox', '0 0 24 24');
  picture.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', GLYPHS[name]);
  picture.append(path);
  return picture;
}

/**
 * Return a button.
 *
 * @param {string} text
 * @param {() => void} act on a click
 * @param {{glyph?: keyof typeof GLYPHS, kind?: string, bare?: boolean}} [look] bare: the text is spoken alone
 */
export function button(text, act, look = {}) {
  const kind = [look.kind ?? '', look.bare ? 'icon' : ''].join(' ').trim();
  const made = element('button', { type: 'button', ...(kind && { class: kind }) });
  if (look.glyph) made.append(glyph(look.glyph));
  if (look.bare) {
    made.setAttribute('aria-label', text);
    made.title = text;
  } else {
    made.append(element('span', {}, text));
  }
  made.addEventListener('click', act);
  return made;
}

/**
 * Save a blob as a file of that name.
 *
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = element('a', { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
