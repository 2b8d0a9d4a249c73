/** The buttons of a live stream. */

import { button, element, glyph } from '../shared/dom.js';
import { Recorder } from './recorder.js';

/**
 * What the buttons do.
 * @typedef {object} Actions
 * @property {() => void} start
 * @property {() => void} stop
 * @property {(isPaused: boolean) => void} pause
 * @property {(isOn: boolean) => void} record
 * @property {() => void} save
 */

export class Controls {
  /** @param {Actions} actions */
  constructor(actions) {
    this.isRunning = false;
    this.main = button('Start', () => (this.isRunning ? actions.stop() : actions.start()), {
      glyph: 'play',
      kind: 'primary main',
    });
    this.pauses = button(
      'Pause',
      () => {
        const isPaused = this.pauses.getAttribute('aria-pressed') !== 'true';
        this.pauses.setAttribute('aria-pressed', String(isPaused));
        actions.pause(isPaused);
      },
      { glyph: 'pause' },
    );
    this.records = button(
      'Record',
      () => actions.record(this.records.getAttribute('aria-pressed') !== 'true'),
      { glyph: 'record', kind: 'records' },
    );
    this.saves = button('Save JSON', actions.save, { glyph: 'download' });
    this.element = element(
      'div',
      { class: 'buttons' },
      this.main,
      this.pauses,
      this.records,
      this.saves,
    );
    this.running(false);
    this.saves.disabled = true;
  }

  /** @param {boolean} isRunning */
  running(isRunning) {
    this.isRunning = isRunning;
    const text = element('span', {}, isRunning ? 'Stop' : 'Start');
    this.main.replaceChildren(glyph(isRunning ? 'stop' : 'play'), text);
    this.pauses.disabled = !isRunning;
    this.pauses.setAttribute('aria-pressed', 'false');
    this.records.disabled = !isRunning || !Recorder.isPossible;
    this.recording(false);
    if (isRunning) this.saves.disabled = false;
  }

  /** @param {boolean} isOn */
  recording(isOn) {
    this.records.setAttribute('aria-pressed', String(isOn));
  }
}
