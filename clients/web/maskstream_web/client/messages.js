/** Control messages (docs/protocol.md 1 and 10): those of a server are read, `hello` is made. */

import { ProtocolError } from './errors.js';
import { anything, count, flag, listOf, object } from './fields.js';
import { oneOf, optional, positive, text } from './fields.js';
import { CODECS } from './frames.js';

/** @import { Settings } from './options.js' */

const model = object({
  name: text,
  task: text,
  fingerprint: text,
  classesUrl: text,
  lookahead: optional(count, 0),
});

const promptInfo = object({ text, classId: count, trackIds: listOf(positive) });

const welcome = object({
  session: text,
  epoch: positive,
  resumed: flag,
  nextSequence: positive,
  credit: object({ frames: count, bytes: count }),
  heartbeatMs: count,
  idleMs: count,
  resumeToken: text,
  resumeTtlMs: count,
  model,
  limits: object({ frameBytes: count, framePixels: count, tracks: count }),
  features: optional(listOf(text), /** @type {string[]} */ ([])),
  codecs: optional(listOf(text), /** @type {string[]} */ ([])),
  prompts: optional(listOf(promptInfo), null),
});

const watching = object({ session: text, epoch: positive, sequence: count, model });

const reset = object({
  epoch: positive,
  reason: oneOf('client', 'state_lost', 'expired', 'model_changed'),
  nextSequence: positive,
});

const credit = object({ frames: count, bytes: count, durableSequence: count });

const drop = object({
  first: positive,
  last: positive,
  reason: oneOf('superseded', 'undecodable', 'internal'),
});

const goaway = object({ inMs: count, reason: text });
const flushed = object({ id: anything, sequence: count });
const prompted = object({ fromSequence: positive, prompts: listOf(promptInfo) });

const error = object({
  code: text,
  message: text,
  retry: flag,
  sequence: optional(count, null),
  fatal: flag,
  retryAfterMs: optional(count, null),
  expected: optional(count, null),
});

const nothing = object({});

const KINDS = {
  welcome,
  watching,
  reset,
  credit,
  drop,
  goaway,
  flushed,
  prompted,
  error,
  pong: nothing,
  store_back: nothing,
};

/** @typedef {typeof KINDS} Kinds */
/**
 * A message with its `type`; the other fields are named as docs/protocol.md does, in camel case.
 * @typedef {{ [K in keyof Kinds]: { type: K } & ReturnType<Kinds[K]> }[keyof Kinds]} ServerMessage
 */
/** @typedef {ReturnType<typeof welcome>} Welcome */
/** @typedef {ReturnType<typeof promptInfo>} PromptInfo */
/** @typedef {ReturnType<typeof model>} ModelInfo */
/** @typedef {ReturnType<typeof drop>} Drop */
/** @typedef {ReturnType<typeof reset>} Reset */
/** @typedef {ReturnType<typeof error>} ErrorMessage */

/**
 * Read a message of a server; null for a type that this version does not know.
 * @param {string} json
 * @returns {ServerMessage | null}
 * @throws {ProtocolError} not JSON, or a known type with wrong fields
 */
export function parseServerMessage(json) {
  const value = parsed(json);
  if (typeof value?.type !== 'string') {
    throw new ProtocolError('A message of the server has no type.');
  }
  if (!Object.hasOwn(KINDS, value.type)) return null;
  const type = /** @type {keyof Kinds} */ (value.type);
  return /** @type {ServerMessage} */ ({ type, ...KINDS[type](value, type) });
}

/** @param {string} json */
function parsed(json) {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new ProtocolError('A message of the server is not JSON.', { cause });
  }
}

/**
 * The first message of a client.
 * @param {Settings} settings
 * @param {object} memory what a connection continues
 * @param {string | null} memory.token
 * @param {number} memory.lastSequence the last result that has arrived
 * @param {string[] | null} memory.prompts
 */
export function helloOf(settings, { token, lastSequence, prompts }) {
  const { model, policy, masks, maskScale, minScore, classes, provisional } = settings;
  return {
    type: 'hello',
    model,
    policy,
    codecs: CODECS,
    masks,
    mask_scale: maskScale,
    min_score: minScore,
    resume: token === null ? null : { token, last_sequence: lastSequence },
    classes,
    prompts,
    provisional,
    rules: settings.rules,
    webhook: settings.webhook,
  };
}
