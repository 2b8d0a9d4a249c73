/** The stream's own health: connection, frames per second, latency by part, drops. */

/** @import { Health } from './rates.js' */
/** @import { Latency } from './types.js' */
/** @import { PictureCodec, StreamState } from '../../client/types.js' */
import { element } from '../shared/dom.js';
import { PARTS } from './rates.js';

/** @type {Record<keyof Latency, string>} */
const PART_NAMES = {
  network: 'network and browser',
  queue: 'waiting',
  decode: 'decoding',
  model: 'model',
  encode: 'encoding',
};

/** @type {Record<string, string>} */
const REASONS = {
  superseded: 'a newer frame took its place',
  undecodable: 'not decodable',
  internal: 'a fault of the server',
  lost: 'lost with a connection',
};

/** @type {Record<StreamState, string>} */
const STATES = {
  idle: 'Not connected',
  connecting: 'Connecting',
  open: 'Connected',
  waiting: 'Reconnecting',
  closed: 'Ended',
};

/** @type {Partial<Record<PictureCodec, string>>} those that are not written in capitals alone */
const CODEC_NAMES = { h264: 'H.264' };

export class HealthBar extends HTMLElement {
  constructor() {
    super();
    this.state = element('dd', { class: 'state', 'data-state': 'idle' }, STATES.idle);
    this.resumes = element('span', { class: 'muted' });
    this.fps = element('dd', {}, '–');
    this.codec = element('span', { class: 'muted codec' });
    this.total = element('dd', {}, '–');
    this.drops = element('dd', {}, '0');
    this.reasons = element('span', { class: 'muted' });
    this.bars = new Map(PARTS.map((part) => [part, element('span', { class: `part ${part}` })]));
    this.legend = new Map(PARTS.map((part) => [part, element('b', {}, '–')]));
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      element(
        'dl',
        {},
        tile('Connection', this.state, this.resumes),
        tile('Frame rate', this.fps, this.codec),
        tile('Latency', this.total, this.partsBar()),
        tile('Dropped frames', this.drops, this.reasons),
      ),
    );
  }

  partsBar() {
    const entries = PARTS.map((part) =>
      element(
        'li',
        {},
        element('i', { class: `part ${part}` }),
        `${PART_NAMES[part]} `,
        this.legend.get(part) ?? '',
      ),
    );
    return element(
      'div',
      { class: 'latency' },
      element('div', { class: 'parts', 'aria-hidden': 'true' }, ...this.bars.values()),
      element('ul', {}, ...entries),
    );
  }

  /**
   * @param {StreamState} state
   * @param {number} numResumes how often a broken connection was resumed
   */
  connection(state, numResumes) {
    this.state.textContent = STATES[state];
    this.state.dataset['state'] = state;
    this.resumes.textContent = numResumes === 0 ? '' : `resumed ${numResumes} ×`;
  }

  /** @param {PictureCodec} codec of the newest frame */
  sentAs(codec) {
    this.codec.textContent = `sent as ${CODEC_NAMES[codec] ?? codec.toUpperCase()}`;
  }

  /** @param {Health} health */
  update({ fps, latency, totalMs, drops }) {
    this.fps.textContent = fps > 0 ? `${fps.toFixed(1)} fps` : '–';
    this.total.textContent = latency ? `${Math.round(totalMs)} ms` : '–';
    for (const part of PARTS) {
      const share = latency ? latency[part] / Math.max(totalMs, 1) : 0;
      this.bars.get(part)?.style.setProperty('flex-grow', share.toFixed(3));
      const entry = this.legend.get(part);
      if (entry) entry.textContent = latency ? `${Math.round(latency[part])}` : '–';
    }
    const counts = [...drops];
    this.drops.textContent = String(counts.reduce((sum, [, count]) => sum + count, 0));
    this.reasons.textContent = counts
      .map(([reason, count]) => `${count}: ${REASONS[reason] ?? reason}`)
      .join(', ');
  }
}

/**
 * @param {string} name
 * @param {...HTMLElement} values
 */
function tile(name, ...values) {
  const [value, ...more] = values;
  const rest = more.length ? [element('dd', { class: 'more' }, ...more)] : [];
  return element('div', { class: 'tile' }, element('dt', {}, name), value, ...rest);
}

customElements.define('health-bar', HealthBar);
