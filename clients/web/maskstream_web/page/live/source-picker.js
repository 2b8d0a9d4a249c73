/** One of the sources, chosen by radio buttons. */

/** @import { SourceKind } from './sources.js' */
import { element, glyph } from '../shared/dom.js';

/** @type {{ kind: SourceKind, text: string, glyph: 'clip' | 'camera' | 'screen' | 'file' }[]} */
const CHOICES = [
  { kind: 'clip', text: 'Sample clip', glyph: 'clip' },
  { kind: 'camera', text: 'Camera', glyph: 'camera' },
  { kind: 'screen', text: 'Screen', glyph: 'screen' },
  { kind: 'file', text: 'File', glyph: 'file' },
];

/** An event `chosen` where a file was chosen. */
export class SourcePicker extends HTMLElement {
  constructor() {
    super();
    /** @type {SourceKind} */
    this.kind = 'clip';
    /** @type {File | null} */
    this.file = null;
    this.field = element('input', {
      type: 'file',
      accept: 'video/*',
      hidden: true,
      'aria-label': 'Video file',
    });
    this.field.addEventListener('change', () => this.choose(this.field.files?.[0] ?? null));
    this.fieldset = element(
      'fieldset',
      { class: 'choice' },
      element('legend', { class: 'spoken' }, 'Source'),
      ...CHOICES.map((choice) => this.radio(choice)),
    );
  }

  connectedCallback() {
    if (!this.firstChild) this.append(this.fieldset, this.field);
  }

  /** @param {typeof CHOICES[number]} choice */
  radio({ kind, text, glyph: name }) {
    const box = element('input', {
      type: 'radio',
      name: 'source',
      value: kind,
      checked: kind === 'clip',
    });
    box.addEventListener('change', () => {
      this.kind = kind;
    });
    box.addEventListener('click', () => {
      if (kind === 'file') this.field.click();
    });
    return element('label', {}, box, glyph(name), element('span', {}, text));
  }

  /** @param {File | null} file */
  choose(file) {
    if (file === null) return;
    this.field.value = ''; // The same file, chosen again, is a change.
    this.file = file;
    this.kind = 'file';
    const box = this.querySelector('input[value="file"]');
    if (box instanceof HTMLInputElement) box.checked = true;
    this.dispatchEvent(new CustomEvent('chosen'));
  }

  /** @param {boolean} isLocked while a stream runs */
  lock(isLocked) {
    this.fieldset.disabled = isLocked;
  }
}

customElements.define('source-picker', SourcePicker);
