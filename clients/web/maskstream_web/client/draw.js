/** Drawing of tracks, in the colours of `server/maskstream_drawing`. */

/** @import { Crop, TrackStatus } from './types.js' */

/**
 * A track as it is drawn: of a `Result` that a `MaskDecoder` has decoded, or of a video's line.
 * @typedef {object} DrawnTrack
 * @property {number} id
 * @property {string} label
 * @property {number} score 0 to 1
 * @property {TrackStatus} status
 * @property {[number, number, number, number]} box in mask pixels
 * @property {Crop | null} pixels its mask with `OUTLINE` along its border; see `outlined`
 */

const GOLDEN = 0.618034;
const LUMA = [0.299, 0.587, 0.114];

/**
 * A colour of its own for each track, far from those of the ids next to it.
 * @param {number} trackId
 * @returns {[number, number, number]} red, green and blue, 0 to 255
 */
export function trackColor(trackId) {
  const hue = (trackId * GOLDEN) % 1;
  const saturation = trackId % 2 ? 0.95 : 0.7;
  const channel = (/** @type {number} */ offset) => {
    const k = (offset + hue * 6) % 6;
    return Math.round(255 * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}

/** Paints masks over each other into a canvas of the size of the mask grid, to be drawn at will. */
export class TrackPainter {
  canvas = new OffscreenCanvas(1, 1);
  #image = new ImageData(1, 1);

  /**
   * Paint these tracks and nothing else; a missed one, whose mask is a guess, by its outline.
   * @param {number} width of the mask grid
   * @param {number} height
   * @param {Iterable<DrawnTrack>} tracks in the order in which they are painted
   * @param {{ opacity?: number, outlines?: boolean }} [options]
   */
  paint(width, height, tracks, options) {
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height || this.#image.width !== width) {
      [canvas.width, canvas.height] = [Math.max(1, width), Math.max(1, height)];
      this.#image = new ImageData(canvas.width, canvas.height);
    }
    this.#image.data.fill(0);
    for (const track of tracks) paintTrack(this.#image, track, options);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.putImageData(this.#image, 0, 0);
  }
}

/**
 * Paint one track over what is there.
 * @param {{ width: number, height: number, data: Uint8ClampedArray }} image RGBA
 * @param {DrawnTrack} track
 * @param {{ opacity?: number, outlines?: boolean }} [options]
 */
export function paintTrack(image, track, { opacity = 0.45, outlines = true } = {}) {
  if (track.pixels === null) return;
  const { x0, y0, width, height, data } = track.pixels;
  const color = trackColor(track.id);
  const inside = track.status === 'missed' ? 0 : opacity;
  const alphas = [0, inside, outlines ? 1 : inside];
  const rows = Math.min(height, image.height - y0);
  const columns = Math.min(width, image.width - x0);
  for (let y = 0; y < rows; y += 1) {
    const line = 4 * ((y0 + y) * image.width + x0);
    for (let x = 0; x < columns; x += 1) {
      const alpha = alphas[data[y * width + x]];
      if (alpha > 0) cover(image.data, line + 4 * x, color, alpha);
    }
  }
}

/**
 * Lay a colour over a pixel.
 * @param {Uint8ClampedArray} rgba
 * @param {number} at
 * @param {[number, number, number]} color
 * @param {number} alpha 0 to 1
 */
function cover(rgba, at, color, alpha) {
  const below = alpha === 1 ? 0 : (rgba[at + 3] / 255) * (1 - alpha);
  const total = alpha + below;
  const [ours, theirs] = [alpha / total, below / total];
  rgba[at] = color[0] * ours + rgba[at] * theirs;
  rgba[at + 1] = color[1] * ours + rgba[at + 1] * theirs;
  rgba[at + 2] = color[2] * ours + rgba[at + 2] * theirs;
  rgba[at + 3] = 255 * total;
}

/** What is written at a track's mask. @param {DrawnTrack} track */
export function captionOf({ id, label, score, status }) {
  return `${id} ${label}${status === 'missed' ? '?' : ''} ${score.toFixed(2)}`;
}

/**
 * Write ids, names and scores on grounds of the tracks' colours, above their boxes.
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {Iterable<DrawnTrack>} tracks
 * @param {{ scaleX?: number, scaleY?: number, textPx?: number }} [options] from mask pixels to
 *   those of the canvas; height of the text
 */
export function drawLabels(context, tracks, options = {}) {
  const { width, height } = context.canvas;
  const usual = Math.max(10, Math.min(28, Math.round(height / 30)));
  const { scaleX = 1, scaleY = 1, textPx = usual } = options;
  context.save();
  context.font = `${textPx}px sans-serif`;
  context.textBaseline = 'top';
  for (const track of tracks) {
    const [x0, y0, x1, y1] = track.box;
    if (x1 <= x0 || y1 <= y0) continue;
    const text = captionOf(track);
    const ground = [context.measureText(text).width + 6, textPx + 4];
    const x = Math.max(0, Math.min(x0 * scaleX, width - ground[0]));
    const y = Math.max(0, Math.min(y0 * scaleY - ground[1], height - ground[1]));
    const color = trackColor(track.id);
    context.fillStyle = `rgb(${color.join()})`;
    context.fillRect(x, y, ground[0], ground[1]);
    context.fillStyle = isLight(color) ? '#000' : '#fff';
    context.fillText(text, x + 3, y + 2);
  }
  context.restore();
}

/** @param {[number, number, number]} color */
const isLight = (color) => color.reduce((sum, value, at) => sum + value * LUMA[at], 0) > 128;
