/** The page: its sections, and the sign-in in their place until the key is right. */

import { LiveTab } from './live/live-tab.js';
import { SessionsTab } from './sessions/sessions-tab.js';
import { element } from './shared/dom.js';
import { Server, sentenceOf } from './shared/server.js';
import { showSignIn } from './shared/sign-in.js';
import { VideosTab } from './videos/videos-tab.js';

/** @type {Record<string, (server: Server) => HTMLElement>} */
const MAKERS = {
  live: (server) => new LiveTab(server),
  videos: (server) => new VideosTab(server),
  sessions: (server) => new SessionsTab(server),
};
const SECTIONS = Object.keys(MAKERS);

class Page {
  constructor() {
    this.server = new Server(document.baseURI, sessionStorage);
    this.place = /** @type {HTMLElement} */ (document.getElementById('content'));
    this.model = /** @type {HTMLElement} */ (document.getElementById('model'));
    this.signOut = /** @type {HTMLButtonElement} */ (document.getElementById('sign-out'));
    /** @type {Map<string, HTMLElement>} made once each, so that a stream continues in the background */
    this.sections = new Map();
    this.isOpen = false;
    /** @type {HTMLElement | null} */
    this.signIn = null;
  }

  async open() {
    this.signOut.addEventListener('click', () => {
      this.server.apiKey = null;
      location.reload();
    });
    window.addEventListener('hashchange', () => this.show());
    this.server.addEventListener('unauthorized', () => this.askForKey());
    try {
      await this.enter();
    } catch (error) {
      if (this.signIn === null) {
        this.place.replaceChildren(element('p', { class: 'notice' }, sentenceOf(error)));
      }
    }
  }

  /** Go in with the key of the tab, or without one. */
  async enter() {
    this.model.textContent = (await this.server.card()).name;
    this.signOut.hidden = this.server.apiKey === null;
    this.signIn?.remove();
    this.signIn = null;
    this.isOpen = true;
    this.show();
  }

  /** Ask for a key in place of the sections, which are kept: one may have become invalid. */
  askForKey() {
    if (this.signIn !== null) return;
    const wasValid = this.isOpen && this.server.apiKey !== null;
    this.isOpen = false;
    this.server.apiKey = null;
    this.signOut.hidden = true;
    for (const section of this.sections.values()) section.hidden = true;
    const reason = wasValid ? 'The server does not take the key any more.' : '';
    this.signIn = showSignIn(this.place, reason, async (key) => {
      this.server.apiKey = key;
      try {
        await this.enter();
      } catch (error) {
        this.server.apiKey = null;
        throw error;
      }
    });
  }

  /** Show the section that the address names. */
  show() {
    if (!this.isOpen) return;
    const named = location.hash.slice(1);
    const name = SECTIONS.includes(named) ? named : 'live';
    for (const each of SECTIONS) {
      const link = document.getElementById(`tab-${each}`);
      if (each === name) link?.setAttribute('aria-current', 'page');
      else link?.removeAttribute('aria-current');
    }
    const section = this.sections.get(name) ?? this.make(name);
    for (const other of this.sections.values()) other.hidden = other !== section;
    if (section.parentNode !== this.place) this.place.append(section);
    section.hidden = false;
  }

  /** @param {string} name */
  make(name) {
    const section = MAKERS[name](this.server);
    this.sections.set(name, section);
    return section;
  }
}

void new Page().open();
