/** Frames for the server: units of a video, or JPEGs. */

/** @import { EncodedCodec } from '../../client/packets.js' */
/** @import { Picture, PictureCodec } from '../../client/types.js' */
/** @import { Coding } from './types.js' */
import { PacketEncoder } from '../../client/packets.js';
import { CodingTrial } from './coding-trial.js';

const JPEG_QUALITY = 0.85;
/** The first that browser and server have is used. */
const CODECS = /** @type {EncodedCodec[]} */ (['vp9', 'h264', 'av1']);
/** An encoder that takes longer has hung. */
const HUNG_MS = 10_000;

/**
 * A frame for the server, and its JPEG for the page.
 * @typedef {Picture & { jpeg: Promise<Blob> }} EncodedFrame
 */

/**
 * What of a stream says which frames the server needs.
 * @typedef {object} Needs
 * @property {{ codecs: string[] } | null} welcome
 * @property {boolean} needsKeyFrame
 */

/** Of one stream: its first unit is a key frame. */
export class FrameEncoder {
  /** @param {Coding} coding */
  constructor(coding) {
    this.coding = coding;
    this.canvas = new OffscreenCanvas(1, 1);
    /** What the browser encodes. */
    this.codecs = coding === 'jpeg' ? Promise.resolve([]) : encodable();
    /** @type {EncodedCodec | null} that both have */
    this.codec = null;
    /** @type {CodingTrial | null} of `codec` and JPEG, where the faster one is wanted */
    this.trial = null;
    /** @type {PacketEncoder | null} of `codec`, while units are sent */
    this.packets = null;
  }

  /** @param {PictureCodec} coding of a frame whose result came */
  answered(coding) {
    this.trial?.answered(coding, performance.now());
  }

  /** The source gave no frame for a while. */
  stalled() {
    this.trial?.again();
  }

  /**
   * @param {ImageBitmap} bitmap
   * @param {number} ptsUs which grows
   * @param {Needs} needs as they are now
   * @returns {Promise<EncodedFrame>}
   */
  async encode(bitmap, ptsUs, needs) {
    const jpeg = this.jpegOf(bitmap);
    const unit = await this.unitOf(bitmap, ptsUs, needs);
    return { ...(unit ?? { data: await jpeg, codec: 'jpeg', ptsUs }), jpeg };
  }

  close() {
    this.packets?.close();
    this.packets = null;
  }

  /**
   * @param {ImageBitmap} bitmap
   * @param {number} ptsUs
   * @param {Needs} needs
   * @returns {Promise<Picture | null>} null where it has to be a JPEG
   */
  async unitOf(bitmap, ptsUs, needs) {
    try {
      this.choose(await this.codecs, needs.welcome?.codecs ?? []);
      if (this.codec === null || this.trial?.coding === 'jpeg') {
        this.close();
        return null;
      }
      this.packets ??= new PacketEncoder({ codec: this.codec });
      return await inTime(this.packets.encode(bitmap, ptsUs, needs.needsKeyFrame));
    } catch {
      // It may fail at any time: a browser can take its hardware away.
      this.close();
      this.codecs = Promise.resolve([]);
      return null;
    }
  }

  /**
   * @param {EncodedCodec[]} own of the browser
   * @param {string[]} theirs of the server, which may be another than before
   */
  choose(own, theirs) {
    const codec = own.find((each) => theirs.includes(each)) ?? null;
    if (codec === this.codec) return;
    this.close();
    this.codec = codec;
    const isTried = codec !== null && this.coding === 'automatic';
    this.trial = isTried ? new CodingTrial([codec, 'jpeg']) : null;
  }

  /**
   * @param {ImageBitmap} bitmap
   * @returns {Promise<Blob>}
   */
  jpegOf(bitmap) {
    const { width, height } = bitmap;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas = new OffscreenCanvas(width, height);
    }
    this.canvas.getContext('2d', { alpha: false })?.drawImage(bitmap, 0, 0);
    return this.canvas.convertToBlob({ type: 'image/jpeg', quality: JPEG_QUALITY });
  }
}

/** @returns {Promise<EncodedCodec[]>} */
async function encodable() {
  const answers = await Promise.all(CODECS.map((codec) => PacketEncoder.isSupported(codec)));
  return CODECS.filter((_, index) => answers[index]);
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 * @throws {Error} it takes too long
 */
async function inTime(promise) {
  let timer = 0;
  const hung = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error('The encoder hangs.')), HUNG_MS);
  });
  try {
    return await Promise.race([promise, /** @type {Promise<never>} */ (hung)]);
  } finally {
    clearTimeout(timer);
  }
}
