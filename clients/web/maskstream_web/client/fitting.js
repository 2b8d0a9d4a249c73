/** Whether a server takes a frame, as its welcome says. */

import { WireError } from './errors.js';
import { frameBytes, isUnit } from './frames.js';

/** @import { Frame } from './frames.js' */
/** @import { Welcome } from './messages.js' */

/**
 * Refuse what the server would only drop, frame after frame.
 * @param {Frame} frame
 * @param {Welcome} welcome
 * @throws {WireError} more pixels or bytes than it takes, or a packet codec that it does not
 */
export function checkFits(frame, { limits, credit, codecs }) {
  checkCodec(frame, codecs);
  const { width, height } = frame;
  const maxBytes = Math.min(limits.frameBytes, credit.bytes);
  if (width * height > limits.framePixels) {
    tooLarge(`${width}x${height} has more than the ${limits.framePixels} pixels`);
  }
  if (frameBytes(frame) > maxBytes) {
    tooLarge(`${frameBytes(frame)} bytes is over the ${maxBytes}`);
  }
}

/**
 * Refuse a packet codec that the server does not take.
 * @param {Frame} frame
 * @param {string[]} codecs of its welcome
 * @throws {WireError} it does not say that it takes it
 */
export function checkCodec(frame, codecs) {
  if (!isUnit(frame) || codecs.includes(frame.codec)) return;
  const message = `This server takes no frames as ${frame.codec}: send them as pictures.`;
  throw new WireError(message, { code: 'codec_unsupported' });
}

/** @param {string} what @returns {never} */
function tooLarge(what) {
  const message = `A frame of ${what} that this server takes: send it smaller.`;
  throw new WireError(message, { code: 'frame_too_large' });
}
