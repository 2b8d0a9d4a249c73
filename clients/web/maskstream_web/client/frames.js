/** FRAME: one picture for the server, a 32-byte header and its payload (docs/protocol.md 2). */

export const FRAME_HEADER_BYTES = 32;
export const UNKNOWN_TIME = -1;

const VERSION = 1;
const FRAME_KIND = 0x01;
const LAST = 1;
const KEY_FRAME = 2;
const DECODER_ONLY = 4;

/** The codecs of frames by their numbers; pictures come first, then packets. */
export const CODECS = /** @type {const} */ ([
  'jpeg',
  'png',
  'webp',
  'rgb24',
  'h264',
  'hevc',
  'vp8',
  'vp9',
  'av1',
]);

const NUM_PICTURE_CODECS = 4;

/**
 * Whether the payload is an access unit of a packet codec, which builds on those before it.
 * @param {Frame} frame
 */
export function isUnit({ codec }) {
  return CODECS.indexOf(codec) >= NUM_PICTURE_CODECS;
}

/**
 * A frame that has no place in a session yet.
 * @typedef {object} Frame
 * @property {typeof CODECS[number]} codec
 * @property {Uint8Array} payload
 * @property {number} ptsUs presentation time in microseconds, -1 unknown
 * @property {number} width before orientation; 0 is taken from the codec
 * @property {number} height
 * @property {number} orientation EXIF 1 to 8; 0 means 1
 * @property {boolean} [last] the last frame of the stream
 * @property {boolean} [keyFrame] the payload starts at a key frame (packets)
 * @property {boolean} [decoderOnly] sent again for what follows to be decoded (packets)
 */

/**
 * Size of the encoded message, which is what the byte credit counts.
 * @param {Frame} frame
 */
export function frameBytes(frame) {
  return FRAME_HEADER_BYTES + frame.payload.length;
}

/**
 * The whole WebSocket message.
 * @param {Frame} frame
 * @param {number} sequence
 * @param {number} epoch
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function encodeFrame(frame, sequence, epoch) {
  const bytes = new Uint8Array(frameBytes(frame));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, FRAME_KIND);
  view.setUint16(2, FRAME_HEADER_BYTES, true);
  view.setUint16(4, flagsOf(frame), true);
  view.setUint8(6, CODECS.indexOf(frame.codec));
  view.setUint8(7, frame.orientation);
  setInt64(view, 8, sequence);
  setInt64(view, 16, frame.ptsUs);
  view.setUint32(24, epoch, true);
  view.setUint16(28, frame.width, true);
  view.setUint16(30, frame.height, true);
  bytes.set(frame.payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** @param {Frame} frame */
function flagsOf({ last, keyFrame, decoderOnly }) {
  return (last ? LAST : 0) | (keyFrame ? KEY_FRAME : 0) | (decoderOnly ? DECODER_ONLY : 0);
}

/**
 * Write an integer that a number holds exactly; two's complement where it is negative.
 * @param {DataView} view
 * @param {number} offset
 * @param {number} value
 */
function setInt64(view, offset, value) {
  view.setUint32(offset, value % 2 ** 32, true);
  view.setInt32(offset + 4, Math.floor(value / 2 ** 32), true);
}
