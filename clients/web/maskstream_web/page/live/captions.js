/** Ids and class names at the masks. */

/** @import { View } from './types.js' */
/** @import { Look } from './palette.js' */
import { cssColour, isDimmed } from './palette.js';

/**
 * Write what each track is at the top left of its mask, in front of all masks.
 *
 * @param {CanvasRenderingContext2D} context of a canvas that shows the whole picture
 * @param {View} view
 * @param {Look} look
 */
export function drawCaptions(context, view, look) {
  const { width, height } = context.canvas;
  const size = Math.max(12, Math.min(20, Math.round(width / 64)));
  context.save();
  context.font = `600 ${size}px Inter, system-ui, "Liberation Sans", sans-serif`;
  context.textBaseline = 'middle';
  for (const track of view.tracks) {
    const [x0, y0, x1] = track.box;
    if (x1 === x0 || look.hidden.has(track.key)) continue;
    context.globalAlpha = isDimmed(track, look) ? 0.35 : 1;
    const text = `${track.id}  ${track.label}${track.status === 'missed' ? '?' : ''}`;
    const at = { x: (x0 / view.width) * width, y: (y0 / view.height) * height };
    drawChip(context, text, at, size, cssColour(track.id));
  }
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {{ x: number, y: number }} at the corner of the mask's box
 * @param {number} size of the letters
 * @param {string} colour
 */
function drawChip(context, text, at, size, colour) {
  const high = Math.round(size * 1.6);
  const wide = Math.ceil(context.measureText(text).width) + size;
  const x = Math.max(2, Math.min(at.x, context.canvas.width - wide - 2));
  const y = Math.max(2, at.y - high - 3);
  context.beginPath();
  context.roundRect(x, y, wide, high, high / 3.5);
  context.fillStyle = 'rgb(16 17 23 / 82%)';
  context.fill();
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x, y, size * 0.3, high, [high / 3.5, 0, 0, high / 3.5]);
  context.fill();
  context.fillStyle = '#fff';
  context.fillText(text, x + size * 0.65, y + high / 2 + 1);
}
