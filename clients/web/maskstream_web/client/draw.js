/** Drawing of tracks on a 2D canvas, in the colours of `server/maskstream_drawing`. */

const GOLDEN = 0.618034;

/**
 * A colour of its own for each track, far from those of the ids next to it.
 * @param {number} trackId
 * @returns {[number, number, number]} red, green and blue, 0 to 255
 */
export function trackColor(trackId) {
  const hue = (trackId * GOLDEN) % 1;
  return hsvToRgb(hue, trackId % 2 ? 0.95 : 0.7);
}

/**
 * @param {number} hue 0 to 1
 * @param {number} saturation 0 to 1; the value is 1
 * @returns {[number, number, number]}
 */
function hsvToRgb(hue, saturation) {
  const channel = (/** @type {number} */ offset) => {
    const k = (offset + hue * 6) % 6;
    return Math.round(255 * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}
