/** Results of the client as views of the page. */

/** @import { Crop } from '../../client/types.js' */
/** @import { Result, Track } from '../../client/result.js' */
/** @import { Latency, SeenTrack, View } from './types.js' */
import { composeLabels } from './labels.js';

/** Which tracks are shown: those that have once been sure enough, as in the server's videos. */
export class Showing {
  constructor() {
    this.minScore = 0;
    /** @type {Set<string>} */
    this.keys = new Set();
  }

  /** @param {SeenTrack} track */
  includes(track) {
    const isSeen = track.status === 'emerged' || track.status === 'tracked';
    if (isSeen && track.score >= this.minScore) this.keys.add(track.key);
    return this.keys.has(track.key);
  }
}

/**
 * Where a result belongs.
 * @typedef {object} Place
 * @property {number} index
 * @property {number} life how often identities have started over
 * @property {number} timeS on the clock of the stream
 */

/**
 * Return what is shown of a result.
 *
 * @param {Result} result
 * @param {Place} place
 * @param {Showing} showing
 * @returns {Promise<View>}
 */
export async function viewOf(result, { index, life, timeS }, showing) {
  const shown = result.tracks
    .map((track) => ({ track, seen: seenTrack(track, life) }))
    .filter(({ seen }) => showing.includes(seen));
  const crops = await Promise.all(shown.map(({ track }) => cropOf(track)));
  return {
    index,
    timeS,
    width: result.maskWidth,
    height: result.maskHeight,
    labels: composeLabels(result.maskWidth, result.maskHeight, crops),
    tracks: shown.map(({ seen }) => seen),
    latency: latencyOf(result),
  };
}

/**
 * @param {Track} track
 * @returns {Promise<Crop | null>}
 */
async function cropOf(track) {
  return track.hasMask ? track.crop() : null;
}

/**
 * @param {Track} track
 * @param {number} life
 * @returns {SeenTrack}
 */
function seenTrack(track, life) {
  const { id, label, score, status, age, area, box } = track;
  return { key: `${life}:${id}`, id, label, score, status, age, area, box };
}

/**
 * @param {Result} result
 * @returns {Latency | null}
 */
function latencyOf({ timings, latencyMs }) {
  if (latencyMs === null) return null;
  const queue = timings.waitUs / 1000;
  const decode = timings.decodeUs / 1000;
  const model = timings.inferUs / 1000;
  const encode = timings.encodeUs / 1000;
  const network = Math.max(0, latencyMs - queue - decode - model - encode);
  return { network, queue, decode, model, encode };
}
