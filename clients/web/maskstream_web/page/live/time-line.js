/** Births, absences and ends of tracks over time, which can be scrubbed. */

/** @import { TrackRecord, TrackTable } from './track-table.js' */
/** @import { Look } from './palette.js' */
import { button, element } from '../shared/dom.js';
import { seconds } from '../shared/format.js';
import { Lanes } from './lanes.js';
import { cssColour } from './palette.js';

const NUM_LANES = 7;
const LANE_PX = 17;
const BAR_PX = 13;
const MIN_WINDOW_S = 15;
/** Seconds between the lines of the grid: the first that makes few enough of them. */
const STEPS_S = [1, 5, 10, 30, 60, 300];
/** The longest time that is shown of a live stream. */
export const LIVE_WINDOW_S = 90;

/** Events: `scrub` with a time in seconds, or null for the newest frame. */
export class TimeLine extends HTMLElement {
  /** @param {{ windowS: number, canReturn: boolean }} options canReturn: by a button, to live */
  constructor({ windowS, canReturn }) {
    super();
    this.windowS = windowS;
    this.canvas = element('canvas', { 'aria-hidden': 'true' });
    this.range = element('input', {
      type: 'range',
      min: 0,
      max: 1,
      step: 0.02,
      value: 1,
      disabled: true,
      'aria-label': 'Look back in time',
    });
    this.clock = element('output', { class: 'clock' }, '0:00.0');
    this.live = button('Back to live', () => this.tell(null), { kind: 'quiet' });
    this.live.disabled = true;
    this.live.hidden = !canReturn;
    this.range.addEventListener('input', () => this.tell(Number(this.range.value)));
    this.lanes = new Lanes(NUM_LANES);
    this.seconds = { from: 0, to: MIN_WINDOW_S };
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      element('div', { class: 'head' }, element('h2', {}, 'Time line'), this.clock, this.live),
      element('div', { class: 'track' }, this.canvas, this.range),
    );
  }

  clear() {
    this.lanes = new Lanes(NUM_LANES);
    this.seconds = { from: 0, to: MIN_WINDOW_S };
    this.draw([], null);
  }

  /**
   * Show the tracks so far.
   *
   * @param {TrackTable} table
   * @param {number} keptFromS frames before it cannot be looked at any more; Infinity: none can
   * @param {number | null} atS the time that is looked at; null: the newest
   * @param {Look} look
   */
  update(table, keptFromS, atS, look) {
    // A film is shown as long as it is; a stream, whose end is open, has some room at first.
    const to = Math.max(table.nowS, Number.isFinite(this.windowS) ? MIN_WINDOW_S : 1);
    this.seconds = { from: Math.max(0, to - this.windowS), to };
    this.range.min = String(this.seconds.from);
    this.range.max = String(to);
    const isNoneKept = keptFromS === Infinity;
    this.range.disabled = table.nowS === 0 || isNoneKept;
    const shownS = isNoneKept ? table.nowS : Math.max(atS ?? table.nowS, keptFromS);
    if (document.activeElement !== this.range || atS === null) this.range.value = String(shownS);
    this.range.setAttribute('aria-valuetext', `${seconds(shownS)} of ${seconds(table.nowS)}`);
    this.clock.textContent = seconds(shownS);
    this.live.disabled = atS === null;
    this.draw([...table.records.values()], look);
  }

  /**
   * @param {TrackRecord[]} records
   * @param {Look | null} look
   */
  draw(records, look) {
    const { canvas } = this;
    const context = canvas.getContext('2d');
    if (!context) return;
    const wide = Math.max(1, canvas.clientWidth);
    const high = NUM_LANES * LANE_PX;
    canvas.width = wide * devicePixelRatio;
    canvas.height = high * devicePixelRatio;
    context.scale(devicePixelRatio, devicePixelRatio);
    const { from, to } = this.seconds;
    const x = (/** @type {number} */ timeS) => ((timeS - from) / (to - from)) * wide;
    this.drawGrid(context, x, high);
    for (const record of records) {
      if (record.lastS >= from) this.drawTrack(context, record, x, look);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {(timeS: number) => number} x
   * @param {number} high
   */
  drawGrid(context, x, high) {
    const { from, to } = this.seconds;
    context.fillStyle = getComputedStyle(this).getPropertyValue('--line');
    const step = STEPS_S.find((each) => (to - from) / each < 12) ?? 600;
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      context.fillRect(Math.round(x(at)), 0, 1, high);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {TrackRecord} record
   * @param {(timeS: number) => number} x
   * @param {Look | null} look
   */
  drawTrack(context, record, x, look) {
    const top = this.lanes.of(record) * LANE_PX + 2;
    const isFaint =
      look?.hidden.has(record.key) ||
      (look?.highlighted != null && look.highlighted !== record.key);
    context.globalAlpha = isFaint ? 0.25 : 1;
    context.fillStyle = cssColour(record.id);
    // Absences: a thin line from birth to end, under the spans in which it was seen.
    context.fillRect(x(record.bornS), top + BAR_PX / 2 - 1, x(record.lastS) - x(record.bornS), 2);
    for (const { fromS, toS } of record.spans) {
      context.beginPath();
      context.roundRect(x(fromS), top, Math.max(3, x(toS) - x(fromS)), BAR_PX, 3);
      context.fill();
    }
    if (record.state === 'gone') context.fillRect(x(record.lastS) + 2, top, 2, BAR_PX);
    context.fillStyle = '#14151c';
    context.font = '600 10px system-ui, "Liberation Sans", sans-serif';
    const text = String(record.id);
    if (x(record.lastS) - x(record.bornS) > context.measureText(text).width + 8) {
      context.fillText(text, Math.max(x(record.bornS), 0) + 4, top + 10);
    }
    context.globalAlpha = 1;
  }

  /** @param {number | null} timeS */
  tell(timeS) {
    this.dispatchEvent(new CustomEvent('scrub', { detail: timeS }));
  }
}

customElements.define('time-line', TimeLine);
