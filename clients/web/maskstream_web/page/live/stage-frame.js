/** The stage with its overlays: a first message, notices and a badge. */

import { element } from '../shared/dom.js';
import { Stage } from './stage.js';

export class StageFrame extends HTMLElement {
  /**
   * @param {string} title
   * @param {string} text what is there before anything is shown
   */
  constructor(title, text) {
    super();
    this.stage = new Stage();
    this.cover = element(
      'div',
      { class: 'cover' },
      element('p', { class: 'cover-title' }, title),
      element('p', {}, text),
    );
    this.text = element('p', { role: 'status' });
    this.mark = element('span', { class: 'badge', hidden: true });
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.stage, this.cover, this.mark, this.text);
    this.notice('');
  }

  /** @param {boolean} isRunning */
  running(isRunning) {
    if (isRunning) this.cover.hidden = true;
    this.badge('');
  }

  /**
   * @param {string} text empty: none
   * @param {'warn' | 'bad'} [kind]
   */
  notice(text, kind = 'warn') {
    this.text.textContent = text;
    this.text.className = text ? `stage-notice ${kind}` : 'spoken';
  }

  /** @param {string} text empty: none */
  badge(text) {
    this.mark.textContent = text;
    this.mark.hidden = text === '';
  }
}

customElements.define('stage-frame', StageFrame);
