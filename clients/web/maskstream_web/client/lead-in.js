/** What a decoder elsewhere needs before it can decode the next unit (docs/protocol.md 10). */

import { frameBytes, isUnit } from './frames.js';

/** @import { Frame } from './frames.js' */

/** A frame with its place in the session. @typedef {{ frame: Frame, sequence: number }} Placed */

/** Keeps the durable units of a packet codec back to the last key frame. */
export class LeadIn {
  #maxBytes;
  #bytes = 0;
  /** @type {Placed[]} */
  #units = [];
  #isDue = false;

  /** @param {number} maxBytes beyond them nothing is kept up to the next key frame */
  constructor(maxBytes) {
    this.#maxBytes = maxBytes;
  }

  /** @param {Placed} placed a frame that is durable now; they come in order */
  passed(placed) {
    const { frame } = placed;
    if (!this.#isBefore(placed) || frame.keyFrame) this.clear();
    if (isUnit(frame) && (frame.keyFrame || this.#units.length > 0)) {
      this.#units.push(placed);
      this.#bytes += frameBytes(frame);
    }
    if (this.#bytes > this.#maxBytes) this.clear();
  }

  /** Forget all: the units that follow do not build on these. */
  clear() {
    [this.#units, this.#bytes] = [[], 0];
  }

  /** Another decoder has the session now, and knows nothing. */
  resumed() {
    this.#isDue = true;
  }

  /**
   * What is to be sent before a frame: once after a resume, if it builds on it.
   * @param {Placed} placed
   * @returns {Placed[]}
   */
  take(placed) {
    const isDue = this.#isDue && !placed.frame.keyFrame && this.#isBefore(placed);
    this.#isDue = false;
    if (!isDue) return [];
    return this.#units.map(({ frame, sequence }) => ({
      frame: { ...frame, decoderOnly: true },
      sequence,
    }));
  }

  /** Whether the units end where a frame continues. @param {Placed} placed */
  #isBefore({ frame, sequence }) {
    const last = this.#units.at(-1);
    return last?.frame.codec === frame.codec && last.sequence + 1 === sequence;
  }
}
