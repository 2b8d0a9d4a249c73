/** The last frames of a stream, to look back at; bounded by bytes. */

/** @import { Place } from './views.js' */
/** @import { Result } from '../../client/result.js' */

/**
 * @typedef {object} Kept
 * @property {Place} place
 * @property {Blob} jpeg
 * @property {Result} result
 */

const MAX_BYTES = 96 * 2 ** 20;

export class History {
  /** @param {number} maxBytes of pictures and results */
  constructor(maxBytes = MAX_BYTES) {
    this.maxBytes = maxBytes;
    this.numBytes = 0;
    /** @type {Map<number, Kept>} in the order of their indices */
    this.frames = new Map();
  }

  /**
   * Keep a frame.
   *
   * @param {Kept} kept
   * @returns {number} the first index that can still be looked at
   */
  add(kept) {
    this.frames.set(kept.place.index, kept);
    this.numBytes += bytesOf(kept);
    for (const [index, oldest] of this.frames) {
      if (this.numBytes <= this.maxBytes || index === kept.place.index) return index;
      this.frames.delete(index);
      this.numBytes -= bytesOf(oldest);
    }
    return kept.place.index;
  }

  /** @param {number} index */
  get(index) {
    return this.frames.get(index) ?? null;
  }
}

/** @param {Kept} kept */
function bytesOf({ jpeg, result }) {
  return jpeg.size + result.bytes.byteLength;
}
