/** Pictures of an application as frames of the protocol, and canvases as pictures. */

import { CODECS, UNKNOWN_TIME } from './frames.js';

/** @import { Frame } from './frames.js' */
/** @import { Picture } from './types.js' */

/**
 * What can be drawn into a canvas.
 * @typedef {HTMLVideoElement | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas | ImageBitmap
 *   | VideoFrame} Image
 */

const MAX_SIDE = 65535;

/**
 * A picture as a frame.
 * @param {Picture} picture
 * @returns {Promise<Frame>}
 * @throws {TypeError | RangeError} it is none
 */
export async function frameOf(picture) {
  const { codec = 'jpeg', width = 0, height = 0, orientation = 0, keyFrame = false } = picture;
  if (!CODECS.includes(codec)) {
    throw new RangeError(`codec must be one of ${CODECS.join(', ')}, not ${codec}.`);
  }
  checkInteger('width', width, MAX_SIDE);
  checkInteger('height', height, MAX_SIDE);
  checkInteger('orientation', orientation, 8);
  const payload = await bytesOf(picture.data);
  if (codec === 'rgb24' && (payload.length === 0 || payload.length !== width * height * 3)) {
    throw new RangeError(`${payload.length} bytes are no RGB picture of ${width}x${height}.`);
  }
  const ptsUs = Math.round(picture.ptsUs ?? UNKNOWN_TIME);
  return { codec, payload, ptsUs, width, height, orientation, keyFrame };
}

/**
 * The content of a canvas as a picture.
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {{ codec?: 'jpeg' | 'png' | 'webp', quality?: number, ptsUs?: number }} [options] quality
 *   0 to 1, of jpeg and webp; a browser that has no such codec gives png
 * @returns {Promise<Picture>}
 */
export async function encodeCanvas(canvas, { codec = 'jpeg', quality = 0.9, ptsUs } = {}) {
  const { width, height } = canvas;
  const data = await blobOf(canvas, { type: `image/${codec}`, quality });
  const made = /** @type {'jpeg' | 'png' | 'webp'} */ (data.type.slice('image/'.length));
  return { data, codec: made, width, height, ptsUs };
}

/** Makes pictures of videos, images and bitmaps, with one canvas for all of them. */
export class PictureEncoder {
  #canvas = new OffscreenCanvas(1, 1);
  #context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    this.#canvas.getContext('2d', { alpha: false })
  );
  #options;

  /**
   * @param {{ codec?: 'jpeg' | 'png' | 'webp', quality?: number, maxSide?: number }} [options]
   *   a larger picture is made smaller, so that its longer side has `maxSide` pixels
   */
  constructor(options = {}) {
    this.#options = options;
  }

  /**
   * @param {Image} image as it is now
   * @param {number} [ptsUs]
   * @returns {Promise<Picture>}
   */
  encode(image, ptsUs) {
    const [width, height] = sizeOf(image);
    const scale = Math.min(1, (this.#options.maxSide ?? Infinity) / Math.max(width, height));
    this.#canvas.width = Math.max(1, Math.round(width * scale));
    this.#canvas.height = Math.max(1, Math.round(height * scale));
    this.#context.drawImage(image, 0, 0, this.#canvas.width, this.#canvas.height);
    return encodeCanvas(this.#canvas, { ...this.#options, ptsUs });
  }
}

/** Width and height as it is shown. @param {Image} image @returns {[number, number]} */
export function sizeOf(image) {
  if ('videoWidth' in image) return [image.videoWidth, image.videoHeight];
  if ('naturalWidth' in image) return [image.naturalWidth, image.naturalHeight];
  if ('displayWidth' in image) return [image.displayWidth, image.displayHeight];
  return [image.width, image.height];
}

/**
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {{ type: string, quality: number }} options
 * @returns {Promise<Blob>}
 */
function blobOf(canvas, options) {
  if ('convertToBlob' in canvas) return canvas.convertToBlob(options);
  return new Promise((resolve, reject) => {
    const give = (/** @type {Blob | null} */ blob) =>
      blob ? resolve(blob) : reject(new RangeError('The canvas has no picture.'));
    canvas.toBlob(give, options.type, options.quality);
  });
}

/** @param {Picture['data']} data */
async function bytesOf(data) {
  if (data instanceof Blob) return new Uint8Array(await data.arrayBuffer());
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (data instanceof Uint8Array) return data;
  throw new TypeError('data of a picture must be a Uint8Array, an ArrayBuffer or a Blob.');
}

/** @param {string} name @param {number} value @param {number} most */
function checkInteger(name, value, most) {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(`${name} must be an integer from 0 to ${most}, not ${value}.`);
  }
}
