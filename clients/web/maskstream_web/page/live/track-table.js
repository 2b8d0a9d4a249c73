/** All tracks of a stream: when each was seen, missed, gone; pure. */

/** @import { SeenTrack, View } from './types.js' */

/**
 * A time in which a track was seen without a break.
 * @typedef {{ fromS: number, toS: number }} Span
 */

/**
 * One track over its life.
 * @typedef {object} TrackRecord
 * @property {string} key
 * @property {number} id
 * @property {string} label of its latest frame
 * @property {number} score of its latest frame
 * @property {number} bestScore
 * @property {'seen' | 'missed' | 'gone'} state missed: followed, but not visible
 * @property {number} bornS on the clock of the stream
 * @property {number} lastS
 * @property {number} numFrames on which it was seen
 * @property {Span[]} spans in which it was seen
 */

/** Records beyond this many are dropped, oldest ended ones first. */
const MAX_RECORDS = 2000;

export class TrackTable {
  constructor() {
    /** @type {Map<string, TrackRecord>} in the order of birth */
    this.records = new Map();
    this.nowS = 0;
  }

  /**
   * Take the next view of a stream.
   *
   * @param {View} view
   */
  add(view) {
    this.nowS = view.timeS;
    const mentioned = new Set(view.tracks.map((track) => track.key));
    for (const record of this.records.values()) {
      // Not mentioned any more: it ended while the connection was away, or on a dropped frame.
      if (record.state !== 'gone' && !mentioned.has(record.key)) record.state = 'gone';
    }
    for (const track of view.tracks) this.see(track, view.timeS);
    this.forgetOldest();
  }

  /**
   * @param {SeenTrack} track
   * @param {number} timeS
   */
  see(track, timeS) {
    const record = this.records.get(track.key) ?? this.begin(track, timeS);
    record.lastS = timeS;
    if (track.status === 'disappeared') {
      record.state = 'gone';
      return;
    }
    record.label = track.label;
    record.score = track.score;
    record.bestScore = Math.max(record.bestScore, track.score);
    const wasSeen = record.state === 'seen' && record.spans.length > 0;
    record.state = track.status === 'missed' ? 'missed' : 'seen';
    if (record.state === 'missed') return;
    record.numFrames += 1;
    const span = record.spans.at(-1);
    if (wasSeen && span) span.toS = timeS;
    else record.spans.push({ fromS: timeS, toS: timeS });
  }

  /**
   * @param {SeenTrack} track
   * @param {number} timeS
   * @returns {TrackRecord}
   */
  begin(track, timeS) {
    /** @type {TrackRecord} */
    const record = {
      key: track.key,
      id: track.id,
      label: track.label,
      score: track.score,
      bestScore: track.score,
      state: 'seen',
      bornS: timeS,
      lastS: timeS,
      numFrames: 0,
      spans: [],
    };
    this.records.set(track.key, record);
    return record;
  }

  forgetOldest() {
    for (const record of this.records.values()) {
      if (this.records.size <= MAX_RECORDS) return;
      if (record.state === 'gone') this.records.delete(record.key);
    }
  }

  /** @returns {TrackRecord[]} the living, then those that have ended, each newest first */
  listed() {
    const newestFirst = [...this.records.values()].reverse();
    const isGone = (/** @type {TrackRecord} */ record) => Number(record.state === 'gone');
    return newestFirst.sort((one, other) => isGone(one) - isGone(other));
  }

  /** What was seen, for a file. */
  toJson() {
    const rounded = (/** @type {number} */ value) => Math.round(value * 1000) / 1000;
    return [...this.records.values()].map((record) => ({
      track_id: record.id,
      label: record.label,
      best_score: rounded(record.bestScore),
      frames: record.numFrames,
      from_s: rounded(record.bornS),
      to_s: rounded(record.lastS),
      ended: record.state === 'gone',
      seen: record.spans.map(({ fromS, toS }) => [rounded(fromS), rounded(toS)]),
    }));
  }
}
