/** A frame's result for programs: tracks with names, masks decoded when asked for. */

import { decodeCrop } from './masks.js';

/** @import { ObjectRecord, ResultMessage } from './results.js' */
/** @import { ClassInfo, Crop, DropReason, Picture, ResetReason } from './types.js' */

/**
 * What is known of a result beside its message.
 * @typedef {object} ResultFacts
 * @property {number} frameIndex of the frame among all that this client sent, from 0
 * @property {ResultMessage} message
 * @property {Map<number, ClassInfo>} classes the model's classes by id
 * @property {Picture | null} [frame] the picture as the source gave it
 * @property {number | null} [latencyMs] from sending the frame to the arrival of its result
 * @property {{ epoch: number, reason: ResetReason } | null} [reset] identities started over before
 * @property {DropReason | null} [dropReason] why the frame got no result
 */

/** What was found in one frame. */
export class Result {
  /** @param {ResultFacts} facts */
  constructor(facts) {
    const { message } = facts;
    this.frameIndex = facts.frameIndex;
    /** As it came; an empty one where the frame was dropped. */
    this.message = message;
    this.frame = facts.frame ?? null;
    this.latencyMs = facts.latencyMs ?? null;
    this.reset = facts.reset ?? null;
    this.dropReason = facts.dropReason ?? null;
    /** The frame's place in the session, from 1; 0 where it was dropped. */
    this.sequence = message.sequence;
    /** The memory that identities belong to. */
    this.epoch = message.epoch;
    /** Presentation time of the frame in microseconds; null unknown. */
    this.ptsUs = message.ptsUs < 0 ? null : message.ptsUs;
    this.task = message.task;
    /** Whether the final result of the frame follows. */
    this.provisional = message.provisional;
    this.last = message.last;
    /** Frames dropped since the previous result. */
    this.dropped = message.dropped;
    /** Microseconds in each part of the server. */
    this.timings = message.timings;
    this.maskWidth = message.maskWidth;
    this.maskHeight = message.maskHeight;
    /** What the stream's rules have found on this frame. */
    this.events = message.events;
    /** Every track that is mentioned on this frame, disappeared ones too. */
    this.tracks = message.objects.map((record) => new Track(record, message, facts.classes));
  }

  /** The message's bytes as they came. */
  get bytes() {
    return this.message.bytes;
  }

  /** The tracks that are seen on this frame (emerged or tracked) and have a mask. */
  get visible() {
    return this.tracks.filter((track) => track.isSeen && track.hasMask);
  }
}

/** One track on one frame. */
export class Track {
  #message;
  #record;
  #classes;

  /**
   * @param {ObjectRecord} record
   * @param {ResultMessage} message
   * @param {Map<number, ClassInfo>} classes
   */
  constructor(record, message, classes) {
    this.#message = message;
    this.#record = record;
    this.#classes = classes;
    /** Its identity, the same on every frame of an epoch. */
    this.id = record.trackId;
    this.classId = record.classId;
    /** Whether it can be counted; else stuff, such as sky or road. */
    this.thing = record.thing;
    /** 0 to 1. */
    this.score = record.score;
    this.status = record.status;
    /** Frames since birth, 1 at birth. */
    this.age = record.age;
    /** Pixels of its mask. */
    this.area = record.area;
    /** x0, y0, x1, y1 in mask pixels, half open; all 0 without a mask. */
    this.box = record.box;
    /** Its mask with its outline marked, where a `MaskDecoder` has decoded it. */
    this.pixels = /** @type {Crop | null} */ (null);
  }

  /** The name of its class. */
  get label() {
    return this.#classes.get(this.classId)?.name ?? `class ${this.classId}`;
  }

  get hasMask() {
    const [x0, y0, x1, y1] = this.box;
    return x1 > x0 && y1 > y0;
  }

  /** Whether it is there on this frame: a missed one's mask is a guess. */
  get isSeen() {
    return this.status === 'emerged' || this.status === 'tracked';
  }

  /**
   * Its mask within its box.
   * @returns {Promise<Crop>}
   * @throws {import('./errors.js').MalformedResultError} its bytes are not what their codec says
   */
  async crop() {
    return decodeCrop(this.#message, this.#record);
  }

  /**
   * Its mask on the whole mask grid, row by row.
   * @returns {Promise<Uint8Array>} 0 or 1
   * @throws {import('./errors.js').MalformedResultError} its bytes are not what their codec says
   */
  async mask() {
    const { maskWidth, maskHeight } = this.#message;
    const { x0, y0, width, height, data } = await this.crop();
    const mask = new Uint8Array(maskWidth * maskHeight);
    for (let row = 0; row < height; row += 1) {
      const line = data.subarray(row * width, (row + 1) * width);
      mask.set(line, (y0 + row) * maskWidth + x0);
    }
    return mask;
  }
}
