/** Units of video codecs by the browser's encoder (WebCodecs): many times smaller than pictures. */

import { sizeOf } from './pictures.js';

/** @import { Image } from './pictures.js' */
/** @import { Picture } from './types.js' */

/** @typedef {keyof typeof STRINGS} EncodedCodec */

/**
 * @typedef {object} PacketOptions
 * @property {EncodedCodec} [codec] `vp9` unless given
 * @property {number} [maxSide] a larger picture is made smaller, so that its longer side has this
 * @property {number} [bitsPerPixel] of each picture, on average
 * @property {number} [fps] pictures a second that are expected
 */

/**
 * What WebCodecs calls the codecs; levels for pictures up to 1920x1080. Browsers encode the full
 * range of values, which VP8 cannot say: its pictures would come out with too much contrast.
 */
const STRINGS = { vp9: 'vp09.00.40.08', h264: 'avc1.42E028', av1: 'av01.0.08M.08' };
/** A client keeps, and sends again, what goes back to the last key frame. */
const KEY_EVERY_US = 2e6;

/** Makes units of what a video, a canvas or a bitmap shows; one at a time, in order. */
export class PacketEncoder {
  #codec;
  #options;
  #canvas = new OffscreenCanvas(2, 2);
  #context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    this.#canvas.getContext('2d', { alpha: false })
  );
  #encoder;
  #keyUs = -Infinity;
  /** @type {((chunk: EncodedVideoChunk) => void) | null} */
  #give = null;
  /** @type {(error: unknown) => void} */
  #fail = () => {};

  /** @param {PacketOptions} [options] */
  constructor({ codec = 'vp9', maxSide = Infinity, bitsPerPixel = 0.15, fps = 15 } = {}) {
    this.#codec = codec;
    this.#options = { maxSide, bitsPerPixel, fps };
    this.#encoder = new VideoEncoder({
      output: (chunk) => this.#give?.(chunk),
      error: (error) => this.#fail(error),
    });
  }

  /**
   * Whether this browser can encode it, in this size.
   * @param {EncodedCodec} codec
   * @param {number} [width]
   * @param {number} [height]
   */
  static async isSupported(codec, width = 1280, height = 720) {
    if (globalThis.VideoEncoder === undefined) return false;
    const config = { codec: STRINGS[codec], width, height };
    return Boolean((await VideoEncoder.isConfigSupported(config)).supported);
  }

  /**
   * @param {Image} image as it is now
   * @param {number} ptsUs presentation time, which grows
   * @param {boolean} [keyFrame] whether it must be one: `needsKeyFrame` of the stream
   * @returns {Promise<Picture>}
   */
  async encode(image, ptsUs, keyFrame = false) {
    const isKey = this.#draw(image) || keyFrame || !(ptsUs - this.#keyUs < KEY_EVERY_US);
    if (isKey) this.#keyUs = ptsUs;
    const { width, height } = this.#canvas;
    const frame = new VideoFrame(this.#canvas, { timestamp: ptsUs });
    const chunk = await new Promise(
      (/** @type {(chunk: EncodedVideoChunk) => void} */ give, fail) => {
        [this.#give, this.#fail] = [give, fail];
        this.#encoder.encode(frame, { keyFrame: isKey });
        frame.close();
      },
    );
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    return { data, codec: this.#codec, width, height, ptsUs, keyFrame: chunk.type === 'key' };
  }

  /** End the encoder, if it has not failed before. */
  close() {
    if (this.#encoder.state !== 'closed') this.#encoder.close();
  }

  /** Draw what is to be encoded; whether its size is another than before. @param {Image} image */
  #draw(image) {
    const { maxSide } = this.#options;
    const [fullWidth, fullHeight] = sizeOf(image);
    const scale = Math.min(1, maxSide / Math.max(fullWidth, fullHeight));
    const [width, height] = [even(fullWidth * scale), even(fullHeight * scale)];
    const isNew = width !== this.#canvas.width || height !== this.#canvas.height;
    if (isNew || this.#encoder.state === 'unconfigured') this.#configure(width, height);
    this.#context.drawImage(image, 0, 0, width, height);
    return isNew;
  }

  /** @param {number} width @param {number} height */
  #configure(width, height) {
    const { bitsPerPixel, fps } = this.#options;
    [this.#canvas.width, this.#canvas.height] = [width, height];
    this.#encoder.configure({
      codec: STRINGS[this.#codec],
      width,
      height,
      bitrate: Math.round(width * height * bitsPerPixel * fps),
      framerate: fps,
      latencyMode: 'realtime', // Each picture comes out before the next one goes in.
      ...(this.#codec === 'h264' && { avc: { format: 'annexb' } }),
    });
  }
}

/** Chroma is half as large. @param {number} side */
const even = (side) => Math.max(2, 2 * Math.round(side / 2));
