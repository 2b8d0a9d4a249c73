/** Which row of a time line each track has; pure. */

/** @import { TrackRecord } from './track-table.js' */

/** A row is free again so long after its track ended. */
const GAP_S = 0.6;

export class Lanes {
  /** @param {number} numLanes */
  constructor(numLanes) {
    this.numLanes = numLanes;
    /** @type {Map<string, number>} */
    this.laneOf = new Map();
    /** @type {(TrackRecord | null)[]} */
    this.last = Array(numLanes).fill(null);
  }

  /**
   * Return the row of a track: given at birth, kept for life.
   *
   * @param {TrackRecord} record
   */
  of(record) {
    const known = this.laneOf.get(record.key);
    if (known !== undefined) return known;
    const lane = this.freeLane(record.bornS);
    this.laneOf.set(record.key, lane);
    this.last[lane] = record;
    return lane;
  }

  /** @param {number} bornS */
  freeLane(bornS) {
    const free = this.last.findIndex(
      (record) => record === null || (record.state === 'gone' && record.lastS + GAP_S < bornS),
    );
    if (free >= 0) return free;
    const ends = this.last.map((record) => (record?.state === 'gone' ? record.lastS : Infinity));
    const earliest = ends.indexOf(Math.min(...ends));
    return earliest;
  }
}
