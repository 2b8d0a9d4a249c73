/** Turns answers into results, in the order of the frames, until they are read. */

import { Result } from './result.js';

/** @import { SessionEvent } from './events.js' */
/** @import { ResultMessage } from './results.js' */
/** @import { ClassInfo, Picture, ResetReason } from './types.js' */

/** @type {ResultMessage} */
const EMPTY = {
  sequence: 0,
  ptsUs: -1,
  epoch: 0,
  dropped: 0,
  timings: { waitUs: 0, decodeUs: 0, inferUs: 0, encodeUs: 0 },
  maskWidth: 0,
  maskHeight: 0,
  maskCodec: 'none',
  task: 'instances',
  firstOfEpoch: false,
  durable: false,
  last: false,
  provisional: false,
  objects: [],
  events: [],
  blob: new Uint8Array(0),
  bytes: new Uint8Array(0),
};

/** The results of one stream. */
export class Inbox {
  /** @type {Map<number, { frame: Picture, sentAtMs: number, result: Result | null }>} */
  #expected = new Map();
  /** @type {Result[]} */
  #unread = [];
  /** @type {{ epoch: number, reason: ResetReason } | null} */
  #reset = null;
  #everyFrame;

  /** @param {boolean} everyFrame give dropped frames, too, with an empty result */
  constructor(everyFrame) {
    this.#everyFrame = everyFrame;
    /** The model's classes by id. */
    this.classes = /** @type {Map<number, ClassInfo>} */ (new Map());
  }

  /** Results that wait to be read. */
  get numUnread() {
    return this.#unread.length;
  }

  /**
   * Note which frame was sent, and when.
   * @param {number} frameIndex
   * @param {Picture} frame
   * @param {number} sentAtMs
   */
  expect(frameIndex, frame, sentAtMs) {
    this.#expected.set(frameIndex, { frame, sentAtMs, result: null });
  }

  /** The next result. */
  take() {
    return this.#unread.shift();
  }

  /** @param {{ epoch: number, reason: ResetReason }} reset identities start over */
  noteReset({ epoch, reason }) {
    this.#reset = { epoch, reason };
  }

  /**
   * Take an answer; a drop may come before the result of an earlier frame, and waits for its turn.
   * @param {SessionEvent & { frameIndex: number }} answer
   * @param {number} nowMs
   */
  put(answer, nowMs) {
    const sent = this.#expected.get(answer.frameIndex);
    const result = this.#resultOf(answer, sent, nowMs);
    if (sent === undefined || result.provisional) {
      this.#give(result);
      return;
    }
    sent.result = result;
    for (const [frameIndex, each] of this.#expected) {
      if (each.result === null) return;
      this.#expected.delete(frameIndex);
      this.#give(each.result);
    }
  }

  /**
   * @param {SessionEvent & { frameIndex: number }} answer
   * @param {{ frame: Picture, sentAtMs: number } | undefined} sent
   * @param {number} nowMs
   */
  #resultOf(answer, sent, nowMs) {
    const { frameIndex } = answer;
    const message = 'message' in answer ? answer.message : EMPTY;
    return new Result({
      frameIndex,
      message,
      classes: this.classes,
      frame: sent?.frame,
      latencyMs: sent && nowMs - sent.sentAtMs,
      dropReason: answer.type === 'drop' ? answer.reason : null,
      reset: answer.type === 'answered' ? this.#takeReset(message.epoch) : null,
    });
  }

  /** @param {number} epoch */
  #takeReset(epoch) {
    const reset = this.#reset;
    if (reset?.epoch !== epoch) return null;
    this.#reset = null;
    return reset;
  }

  /** @param {Result} result */
  #give(result) {
    if (this.#everyFrame || result.dropReason === null) this.#unread.push(result);
  }
}
