/** The tracks of a stream as a list: picture, id, class, score, age; to highlight or hide. */

/** @import { TrackRecord } from './track-table.js' */
/** @import { Thumbnails } from './thumbnails.js' */
/** @import { Look } from './palette.js' */
import { element, glyph } from '../shared/dom.js';
import { cssColour } from './palette.js';

const MAX_ROWS = 60;

/** Events: `point` (key or null), `pick` and `hide` (key). */
export class TrackList extends HTMLElement {
  constructor() {
    super();
    this.count = element('span', { class: 'muted' });
    this.list = element('ul', {});
    this.empty = element('p', { class: 'empty' }, 'Objects appear here once they are found.');
    /** @type {Map<string, TrackRow>} */
    this.rows = new Map();
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      element('div', { class: 'head' }, element('h2', {}, 'Tracks'), this.count),
      element('div', { class: 'rows' }, this.list, this.empty),
    );
  }

  /**
   * @param {TrackRecord[]} records in the order in which they are listed
   * @param {Thumbnails} thumbnails
   * @param {Look} look
   */
  update(records, thumbnails, look) {
    const { list, rows } = this;
    const shown = records.slice(0, MAX_ROWS);
    const keys = new Set(shown.map((record) => record.key));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      rows.delete(key);
    }
    shown.forEach((record, place) => {
      const row = rows.get(record.key) ?? this.makeRow(record);
      row.update(record, thumbnails, look);
      if (list.children[place] !== row.element)
        list.insertBefore(row.element, list.children[place] ?? null);
    });
    const numHere = records.filter((record) => record.state !== 'gone').length;
    this.count.textContent = records.length ? `${numHere} now, ${records.length} in all` : '';
    this.empty.hidden = records.length > 0;
  }

  /** @param {TrackRecord} record */
  makeRow(record) {
    const row = new TrackRow(record);
    const tell = (/** @type {string} */ type, /** @type {string | null} */ key) =>
      this.dispatchEvent(new CustomEvent(type, { detail: key }));
    row.element.addEventListener('pointerenter', () => tell('point', record.key));
    row.element.addEventListener('pointerleave', () => tell('point', null));
    row.main.addEventListener('click', () => tell('pick', record.key));
    row.eye.addEventListener('click', () => tell('hide', record.key));
    this.rows.set(record.key, row);
    return row;
  }
}

class TrackRow {
  /** @param {TrackRecord} record */
  constructor(record) {
    this.picture = element('span', { class: 'thumb' });
    this.name = element('b', {});
    this.facts = element('small', {});
    this.bar = element('i', {});
    this.main = element(
      'button',
      { type: 'button', class: 'row-main' },
      this.picture,
      element('span', { class: 'what' }, this.name, this.facts),
      element('span', { class: 'score', 'aria-hidden': 'true' }, this.bar),
    );
    this.eye = element('button', { type: 'button', class: 'icon quiet' });
    this.element = element('li', {}, this.main, this.eye);
    this.element.style.setProperty('--track', cssColour(record.id));
  }

  /**
   * @param {TrackRecord} record
   * @param {Thumbnails} thumbnails
   * @param {Look} look
   */
  update(record, thumbnails, look) {
    const canvas = thumbnails.of(record.key);
    if (canvas && canvas.parentNode !== this.picture) this.picture.replaceChildren(canvas);
    write(this.name, `${record.id}  ${record.label}`);
    write(this.facts, factsOf(record));
    this.bar.style.setProperty('width', `${Math.round(record.score * 100)}%`);
    this.element.dataset['state'] = record.state;
    this.main.setAttribute('aria-pressed', String(look.highlighted === record.key));
    this.showEye(record, look.hidden.has(record.key));
  }

  /**
   * @param {TrackRecord} record
   * @param {boolean} isHidden
   */
  showEye(record, isHidden) {
    if (this.eye.getAttribute('aria-pressed') === String(isHidden)) return;
    this.eye.setAttribute('aria-pressed', String(isHidden));
    this.eye.setAttribute('aria-label', `Hide track ${record.id}`);
    this.eye.replaceChildren(glyph(isHidden ? 'hidden' : 'eye'));
    this.element.classList.toggle('is-hidden', isHidden);
  }
}

/** @param {TrackRecord} record */
function factsOf(record) {
  const age = `${(record.lastS - record.bornS).toFixed(1)} s`;
  const score = `${Math.round(record.score * 100)} %`;
  if (record.state === 'gone') return `gone after ${age}`;
  return record.state === 'missed' ? `not visible now · ${age}` : `${score} · ${age}`;
}

/**
 * @param {HTMLElement} place
 * @param {string} text
 */
function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

customElements.define('track-list', TrackList);
