/** Where files are dropped or chosen, and what is to be made of them. */

import { button, element, glyph } from '../shared/dom.js';
import { PromptsField } from '../shared/prompts-field.js';

/** @type {{ name: string, text: string, isAsked: boolean }[]} */
const ARTIFACTS = [
  { name: 'overlay.mp4', text: 'Video with masks', isAsked: true },
  { name: 'ytvis.json', text: 'Masks as JSON', isAsked: true },
  { name: 'masks.zip', text: 'Masks as pictures', isAsked: false },
  { name: 'tracks.parquet', text: 'Table of tracks', isAsked: false },
];

/** An event `files` with `{ files, options }`, options as in docs/videos.md. */
export class UploadPanel extends HTMLElement {
  constructor() {
    super();
    this.field = element('input', {
      type: 'file',
      accept: 'video/*',
      multiple: true,
      hidden: true,
      'aria-label': 'Video files',
    });
    this.prompts = new PromptsField();
    this.boxes = ARTIFACTS.map(({ name, text, isAsked }) => {
      const box = element('input', { type: 'checkbox', value: name, checked: isAsked });
      return { box, label: element('label', { class: 'check', title: name }, box, text) };
    });
    this.field.addEventListener('change', () => this.give([...(this.field.files ?? [])]));
  }

  connectedCallback() {
    if (this.firstChild) return;
    const choose = button('Choose videos', () => this.field.click(), {
      kind: 'primary',
      glyph: 'upload',
    });
    this.append(
      glyph('clip'),
      element('p', { class: 'drop-title' }, 'Drop videos here'),
      choose,
      this.field,
      this.prompts,
      element('div', { class: 'checks' }, ...this.boxes.map(({ label }) => label)),
    );
    this.addEventListener('dragover', (event) => {
      event.preventDefault();
      this.classList.add('is-over');
    });
    this.addEventListener('dragleave', () => this.classList.remove('is-over'));
    this.addEventListener('drop', (event) => {
      event.preventDefault();
      this.classList.remove('is-over');
      this.give([...(event.dataTransfer?.files ?? [])]);
    });
  }

  /** @param {File[]} files */
  give(files) {
    const artifacts = this.boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    this.field.value = '';
    const { texts } = this.prompts;
    const options = { artifacts, ...(texts && { prompts: texts }) };
    if (files.length > 0)
      this.dispatchEvent(new CustomEvent('files', { detail: { files, options } }));
  }
}

customElements.define('upload-panel', UploadPanel);
