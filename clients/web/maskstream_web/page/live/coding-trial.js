/** Which coding of frames gives more results a second: each is tried for a while; pure. */

/** @import { PictureCodec } from '../../client/types.js' */

const TRIAL_MS = 2000;
const MIN_RESULTS = 10;
/** Another coding than the first must be better by this factor. */
const BETTER = 1.05;

export class CodingTrial {
  /** @param {[PictureCodec, ...PictureCodec[]]} codings the preferred one first */
  constructor(codings) {
    /** The one to use now. */
    this.coding = codings[0];
    this.left = codings.slice(1);
    /** @type {{ coding: PictureCodec, perS: number } | null} */
    this.best = null;
    this.isOver = false;
    /** @type {number | null} when the first result came */
    this.beganMs = null;
    this.numResults = 0;
  }

  /** Measure the coding anew: there was no frame to send for a while. */
  again() {
    this.beganMs = null;
    this.numResults = 0;
  }

  /**
   * @param {PictureCodec} coding of a frame whose result came
   * @param {number} nowMs
   */
  answered(coding, nowMs) {
    if (this.isOver || coding !== this.coding) return;
    if (this.beganMs === null) {
      this.beganMs = nowMs;
      return;
    }
    this.numResults += 1;
    const tookMs = nowMs - this.beganMs;
    if (this.numResults >= MIN_RESULTS && tookMs >= TRIAL_MS) {
      this.end((1000 * this.numResults) / tookMs);
    }
  }

  /** @param {number} perS results of the coding */
  end(perS) {
    if (this.best === null || perS > this.best.perS * BETTER) {
      this.best = { coding: this.coding, perS };
    }
    const next = this.left.shift();
    this.isOver = next === undefined;
    this.coding = next ?? this.best.coding;
    this.again();
  }
}
