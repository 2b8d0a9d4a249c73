/** What a model is to segment, one text a line; hidden where the model takes none. */

import { element } from './dom.js';

/** An event `change` where other texts were written. */
export class PromptsField extends HTMLElement {
  constructor() {
    super();
    this.field = element('textarea', { rows: 2, placeholder: 'the red car', spellcheck: 'false' });
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.hidden = true;
    this.append(
      element('label', { class: 'field' }, 'What to segment, one text a line', this.field),
    );
  }

  /** @param {'never' | 'optional' | 'required'} use that the model makes of prompts */
  offer(use) {
    this.hidden = use === 'never';
  }

  /** @returns {string[] | null} null: none */
  get texts() {
    const lines = this.field.value.split('\n').filter((line) => line.trim() !== '');
    return lines.length > 0 && !this.hidden ? lines : null;
  }
}

customElements.define('prompts-field', PromptsField);
