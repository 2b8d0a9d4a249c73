/** What is drawn and what is asked for: opacity, outlines, labels, classes, size of frames. */

/** @import { ModelCard } from '../shared/server.js' */
/** @import { Coding } from './types.js' */
import { element } from '../shared/dom.js';
import { PromptsField } from '../shared/prompts-field.js';

/** @type {[Coding, string][]} */
const CODINGS = [
  ['automatic', 'Automatic (the faster one)'],
  ['video', 'Video'],
  ['jpeg', 'JPEG'],
];
const SIDES = [480, 640, 960, 1280];

/**
 * Events: `look` with a part of a Look, `classes` with names or null for all, `prompts` with texts.
 * `maxSide`, `coding` and `prompts` are read when a stream starts.
 */
export class ViewOptions extends HTMLElement {
  constructor() {
    super();
    this.opacity = element('input', { type: 'range', min: 0, max: 1, step: 0.05, value: 0.45 });
    this.opacity.addEventListener('input', () =>
      this.tell('look', { opacity: Number(this.opacity.value) }),
    );
    this.side = element(
      'select',
      {},
      ...SIDES.map((side) =>
        element('option', { value: side, selected: side === 640 }, `${side} pixels`),
      ),
    );
    this.codings = element(
      'select',
      {},
      ...CODINGS.map(([value, text]) => element('option', { value }, text)),
    );
    this.field = new PromptsField();
    this.field.addEventListener('change', () => {
      if (this.prompts !== null) this.tell('prompts', this.prompts);
    });
    this.classes = element('div', { class: 'classes' });
    this.fold = element('details', {}, element('summary', {}, 'Classes'), this.classes);
    this.fold.hidden = true;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      this.field,
      element('h2', {}, 'Appearance'),
      element('label', { class: 'field' }, 'Opacity of masks', this.opacity),
      element(
        'div',
        { class: 'checks' },
        this.check('Outlines', 'outlines'),
        this.check('Labels', 'labels'),
      ),
      element('label', { class: 'field' }, 'Longest side of frames sent', this.side),
      element('label', { class: 'field' }, 'Coding of frames sent', this.codings),
      this.fold,
    );
  }

  get maxSide() {
    return Number(this.side.value);
  }

  get coding() {
    return /** @type {Coding} */ (this.codings.value);
  }

  /** What to segment; null: nothing was written, or the model takes no texts. */
  get prompts() {
    return this.field.texts;
  }

  /**
   * @param {string} text
   * @param {'outlines' | 'labels'} name
   */
  check(text, name) {
    const box = element('input', { type: 'checkbox', checked: true });
    box.addEventListener('change', () => this.tell('look', { [name]: box.checked }));
    return element('label', { class: 'check' }, box, text);
  }

  /** @param {ModelCard} model */
  offer({ classes, prompts }) {
    this.field.offer(prompts);
    this.offerClasses(classes.map(({ name }) => name));
  }

  /** @param {string[]} names of the model's classes */
  offerClasses(names) {
    const boxes = names.map((name) => ({
      name,
      box: element('input', { type: 'checkbox', checked: true }),
    }));
    const changed = () => {
      const chosen = boxes.filter(({ box }) => box.checked).map(({ name }) => name);
      // None chosen would show nothing: the last one stays.
      if (chosen.length > 0) this.tell('classes', chosen.length === names.length ? null : chosen);
      for (const { box } of boxes) box.disabled = chosen.length === 1 && box.checked;
    };
    for (const { box } of boxes) box.addEventListener('change', changed);
    this.classes.replaceChildren(
      ...boxes.map(({ name, box }) => element('label', { class: 'check' }, box, name)),
    );
    this.fold.hidden = names.length === 0;
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

customElements.define('view-options', ViewOptions);
