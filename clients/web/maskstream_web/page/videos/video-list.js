/** The queue: uploads under way, then videos with their states. */

/** @import { Video } from '../../client/videos.js' */
/** @import { Upload } from './uploads.js' */
import { button, element } from '../shared/dom.js';
import { megabytes } from '../shared/format.js';

/**
 * What a row shows.
 * @typedef {object} Row
 * @property {string} id
 * @property {string} name
 * @property {string} facts
 * @property {number | null} percent null: no bar
 * @property {boolean} canOpen
 * @property {string} removal what its button does
 */

/** Events: `open` and `remove`, each with an id. */
export class VideoList extends HTMLElement {
  constructor() {
    super();
    this.list = element('ul', { class: 'rows' });
    this.empty = element('p', { class: 'empty' }, 'No videos yet.');
    /** @type {Map<string, VideoRow>} */
    this.rows = new Map();
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      element('div', { class: 'head' }, element('h2', {}, 'Queue')),
      this.list,
      this.empty,
    );
  }

  /**
   * @param {Upload[]} uploads
   * @param {Video[]} records
   * @param {string | null} chosen
   */
  update(uploads, records, chosen) {
    const shown = [...uploads.map(uploadRow), ...records.map(recordRow)];
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    shown.forEach((facts, place) => {
      const row = this.rows.get(facts.id) ?? this.makeRow(facts);
      row.update(facts, facts.id === chosen);
      const there = this.list.children[place] ?? null;
      if (there !== row.element) this.list.insertBefore(row.element, there);
    });
    this.empty.hidden = shown.length > 0;
  }

  /** @param {Row} facts */
  makeRow({ id }) {
    const tell = (/** @type {string} */ type) =>
      this.dispatchEvent(new CustomEvent(type, { detail: id }));
    const row = new VideoRow(
      () => tell('open'),
      () => tell('remove'),
    );
    this.rows.set(id, row);
    return row;
  }
}

class VideoRow {
  /**
   * @param {() => void} open
   * @param {() => void} remove
   */
  constructor(open, remove) {
    this.name = element('b', {});
    this.facts = element('small', {});
    this.bar = element('progress', { max: 100, 'aria-label': 'Progress' });
    this.main = element(
      'button',
      { type: 'button', class: 'row-main' },
      element('span', { class: 'what' }, this.name, this.facts, this.bar),
    );
    this.main.addEventListener('click', open);
    this.remove = button('Remove', remove, { glyph: 'remove', kind: 'quiet', bare: true });
    this.element = element('li', {}, this.main, this.remove);
  }

  /**
   * @param {Row} row
   * @param {boolean} isChosen
   */
  update({ name, facts, percent, canOpen, removal }, isChosen) {
    this.name.textContent = name;
    this.facts.textContent = facts;
    this.bar.value = percent ?? 0;
    this.bar.classList.toggle('no-bar', percent === null);
    this.main.disabled = !canOpen;
    this.main.setAttribute('aria-pressed', String(isChosen));
    this.remove.setAttribute('aria-label', `${removal} ${name}`);
    this.remove.title = removal;
  }
}

/** @param {Upload} upload @returns {Row} */
function uploadRow({ id, file, sentBytes, error }) {
  const facts = error || `Uploading: ${megabytes(sentBytes)} of ${megabytes(file.size)}`;
  const percent = error ? null : (100 * sentBytes) / Math.max(file.size, 1);
  return {
    id,
    name: file.name,
    facts,
    percent,
    canOpen: false,
    removal: error ? 'Dismiss' : 'Cancel',
  };
}

/** @param {Video} record @returns {Row} */
function recordRow(record) {
  const isRunning = record.state === 'running';
  return {
    id: record.id,
    name: record.name || record.id,
    facts: factsOf(record),
    percent: isRunning ? (record.percent ?? 0) : null,
    canOpen: record.state === 'done' || isRunning,
    removal: isRunning || record.state === 'queued' ? 'Cancel' : 'Remove',
  };
}

/** @param {Video} record */
function factsOf({ state, reason, warning, percent, fps, eta_s: etaS }) {
  if (state === 'running') {
    const speed = fps ? ` · ${fps.toFixed(1)} frames/s` : '';
    const left = typeof etaS === 'number' ? ` · ${Math.ceil(etaS)} s left` : '';
    return `Running: ${Math.floor(percent ?? 0)} %${speed}${left}`;
  }
  const sentence = reason || warning || '';
  return `${state.charAt(0).toUpperCase()}${state.slice(1)}${sentence ? `: ${sentence}` : ''}`;
}

customElements.define('video-list', VideoList);
