/** The tab of running sessions: a list, and the one that is watched. */

/** @import { Server } from '../shared/server.js' */
import { button, element } from '../shared/dom.js';
import { sentenceOf } from '../shared/server.js';
import { Watched } from './watched.js';

const POLL_MS = 2000;

/**
 * A row of `GET /v1/sessions`.
 * @typedef {object} SessionRow
 * @property {string} session
 * @property {number | null} epoch
 * @property {number | null} sequence
 * @property {string | null} owner
 * @property {boolean} readable
 */

export class SessionsTab extends HTMLElement {
  /** @param {Server} server */
  constructor(server) {
    super();
    this.server = server;
    this.list = element('ul', { class: 'rows' });
    this.empty = element(
      'p',
      { class: 'empty' },
      'No session runs here. Start one in the section Live.',
    );
    this.error = element('p', { class: 'notice', role: 'status', hidden: true });
    this.watched = new Watched(server);
    /** @type {Map<string, { element: HTMLElement, facts: HTMLElement, button: HTMLButtonElement }>} */
    this.rows = new Map();
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      element('div', { class: 'live-main' }, this.watched),
      element(
        'aside',
        { class: 'live-side' },
        element(
          'section',
          { class: 'panel' },
          element('div', { class: 'head' }, element('h2', {}, 'Sessions that run here')),
          this.error,
          this.list,
          this.empty,
        ),
      ),
    );
    setInterval(() => {
      if (!this.hidden && !document.hidden) void this.load();
    }, POLL_MS);
    void this.load();
  }

  async load() {
    try {
      const response = await this.server.fetch('v1/sessions?limit=100');
      /** @type {{ sessions: SessionRow[] }} */
      const { sessions } = await response.json();
      this.show(sessions);
      this.error.hidden = true;
    } catch (error) {
      this.error.textContent = sentenceOf(error);
      this.error.hidden = false;
    }
  }

  /** @param {SessionRow[]} sessions */
  show(sessions) {
    const names = new Set(sessions.map(({ session }) => session));
    for (const [name, row] of this.rows) {
      if (names.has(name)) continue;
      row.element.remove();
      this.rows.delete(name);
    }
    for (const session of sessions) this.showRow(session);
    this.empty.hidden = sessions.length > 0;
  }

  /** @param {SessionRow} session */
  showRow({ session, sequence, owner, readable }) {
    const row = this.rows.get(session) ?? this.makeRow(session);
    const frames = readable ? `${sequence ?? 0} frames` : 'damaged';
    row.facts.textContent = `${frames} · ${owner === null ? 'no connection now' : 'connected'}`;
    row.button.disabled = !readable;
    row.button.setAttribute('aria-pressed', String(this.watched.session === session));
  }

  /** @param {string} session */
  makeRow(session) {
    const facts = element('small', {});
    const watch = button(
      'Watch',
      () => {
        this.watched.watch(this.watched.session === session ? null : session);
        void this.load();
      },
      { glyph: 'eye' },
    );
    const made = element(
      'li',
      {},
      element('span', { class: 'what' }, element('b', {}, session), facts),
      watch,
    );
    const row = { element: made, facts, button: watch };
    this.rows.set(session, row);
    this.list.append(made);
    return row;
  }
}

customElements.define('sessions-tab', SessionsTab);
