/** Which colour each track has on the canvas, by what the visitor has chosen; pure. */

/** @import { SeenTrack } from './types.js' */
import { trackColor } from '../../client/index.js';

const DIMMED = 0.3;

/**
 * What is drawn, and how.
 * @typedef {object} Look
 * @property {number} opacity of masks, 0 to 1
 * @property {boolean} outlines
 * @property {boolean} labels
 * @property {ReadonlySet<string>} hidden keys of tracks that are not drawn
 * @property {string | null} highlighted the key of the track that stands out
 */

/**
 * Return the colour of each value of `labels`, as little-endian RGBA.
 *
 * @param {SeenTrack[]} tracks in the order of their rows
 * @param {Look} look
 */
export function coloursOf(tracks, look) {
  const colours = new Uint32Array(2 * tracks.length + 2);
  tracks.forEach((track, row) => {
    if (look.hidden.has(track.key)) return;
    const strength = isDimmed(track, look) ? DIMMED : 1;
    // The mask of a missed track is a guess: it gets an outline alone.
    const fill =
      track.status === 'missed' ? 0 : Math.min(1, look.opacity * strength * boost(track, look));
    colours[2 * row + 2] = packed(track.id, fill);
    colours[2 * row + 3] = packed(track.id, look.outlines ? strength : fill);
  });
  return colours;
}

/**
 * @param {SeenTrack} track
 * @param {Look} look
 */
export function isDimmed(track, look) {
  return look.highlighted !== null && look.highlighted !== track.key;
}

/**
 * @param {SeenTrack} track
 * @param {Look} look
 */
function boost(track, look) {
  return look.highlighted === track.key ? 1.4 : 1;
}

/**
 * @param {number} id
 * @param {number} alpha 0 to 1
 */
function packed(id, alpha) {
  const [red, green, blue] = trackColor(id);
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** @param {number} id of a track */
export function cssColour(id) {
  const [red, green, blue] = trackColor(id);
  return `rgb(${red} ${green} ${blue})`;
}

/**
 * Colour a frame's labels.
 *
 * @param {Uint16Array} labels
 * @param {Uint32Array} colours
 * @param {Uint32Array} pixels of the same length as `labels`; overwritten
 */
export function colour(labels, colours, pixels) {
  for (let at = 0; at < labels.length; at += 1) pixels[at] = colours[labels[at]];
}
