/** Checks of JSON values: what is missing or wrong in a server's message gets a sentence. */

import { ProtocolError } from './errors.js';

/**
 * Gives the value where it is as it must be; throws where it is not.
 * @template T
 * @typedef {(value: unknown, path: string) => T} Check
 */

/**
 * @template T
 * @param {string} wanted in words
 * @param {(value: any) => boolean} holds
 * @returns {Check<T>}
 */
function check(wanted, holds) {
  return (value, path) => {
    if (holds(value)) return /** @type {T} */ (value);
    throw new ProtocolError(`${path} must be ${wanted}, not ${shown(value)}.`);
  };
}

/** @type {Check<string>} */
export const text = check('a string', (value) => typeof value === 'string');

/** @type {Check<boolean>} */
export const flag = check('true or false', (value) => typeof value === 'boolean');

/** @type {Check<number>} */
export const number = check('a number', Number.isFinite);

/** @type {Check<unknown>} */
export const anything = (value) => value;

/** @type {Check<number>} */
export const count = integerFrom(0);

/** @type {Check<number>} */
export const positive = integerFrom(1);

/** @param {number} least @returns {Check<number>} */
function integerFrom(least) {
  return check(
    `an integer of at least ${least}`,
    (value) => Number.isSafeInteger(value) && value >= least,
  );
}

/**
 * @template {string} T
 * @param {...T} values
 * @returns {Check<T>}
 */
export const oneOf = (...values) =>
  check(`one of ${values.join(', ')}`, (value) => values.includes(value));

/**
 * A value that may be missing or null.
 * @template T
 * @template D
 * @param {Check<T>} inner
 * @param {D} absent what stands for it then
 * @returns {Check<T | D>}
 */
export const optional = (inner, absent) => (value, path) =>
  value === undefined || value === null ? absent : inner(value, path);

/**
 * @template T
 * @param {Check<T>} item
 * @returns {Check<T[]>}
 */
export const listOf = (item) => (value, path) => {
  if (!Array.isArray(value)) {
    throw new ProtocolError(`${path} must be a list, not ${shown(value)}.`);
  }
  return value.map((each, index) => item(each, `${path}[${index}]`));
};

/**
 * An object with these fields, named as the wire names them (`resume_token` for `resumeToken`);
 * others are left out.
 * @template {Record<string, Check<any>>} F
 * @param {F} fields
 * @returns {Check<{ [K in keyof F]: ReturnType<F[K]> }>}
 */
export const object = (fields) => (value, path) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError(`${path} must be an object, not ${shown(value)}.`);
  }
  const given = /** @type {Record<string, unknown>} */ (value);
  const read = Object.entries(fields).map(([name, inner]) => {
    const wireName = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const own = Object.hasOwn(given, wireName) ? given[wireName] : undefined;
    return [name, inner(own, `${path}.${wireName}`)];
  });
  return Object.fromEntries(read);
};

/** @param {unknown} value */
function shown(value) {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length <= 40 ? json : `${json.slice(0, 37)}...`;
}
