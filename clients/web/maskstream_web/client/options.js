/** Options of a stream and of its reconnecting, with what stands for those that are not given. */

/** @import { RetryRules, StreamOptions } from './types.js' */

const MAX_PROMPTS = 16;
const MAX_PROMPT_CHARACTERS = 256;
const PROMPTS_RULE = `1 to ${MAX_PROMPTS} texts of 1 to ${MAX_PROMPT_CHARACTERS} characters`;

/** @type {RetryRules} */
const RETRY = { firstDelayMs: 250, maxDelayMs: 5000, giveUpAfterMs: 60_000, deadAfterMs: 15_000 };

/** @typedef {Required<Omit<StreamOptions, 'retry' | 'signal'>>} Given */
/** @typedef {Given & { retry: RetryRules, signal?: AbortSignal }} Settings */

/**
 * All options, checked as far as a client can; the rest is the server's to refuse.
 * @param {StreamOptions} [options]
 * @returns {Settings}
 * @throws {TypeError | RangeError} one is not as it must be
 */
export function settingsOf(options = {}) {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings = { ...DEFAULTS, ...Object.fromEntries(given), retry: retryRules(options.retry) };
  const { maxInFlight, classes, prompts } = settings;
  if (!(Number.isInteger(maxInFlight) && maxInFlight >= 1)) {
    throw new RangeError(`maxInFlight must be an integer of at least 1, not ${maxInFlight}.`);
  }
  if (classes !== null) checkTexts('classes', classes);
  return { ...settings, prompts: prompts === null ? null : trimmedPrompts(prompts) };
}

/** @type {Omit<Settings, 'retry'>} */
const DEFAULTS = {
  model: null,
  policy: 'lossless',
  masks: 'rle',
  maskScale: 1,
  minScore: null,
  classes: null,
  prompts: null,
  rules: null,
  webhook: null,
  provisional: false,
  maxInFlight: 4,
  resumeToken: null,
  everyFrame: false,
};

/** @param {Partial<RetryRules>} [given] @returns {RetryRules} */
export function retryRules(given = {}) {
  const rules = { ...RETRY, ...given };
  for (const [name, value] of Object.entries(rules)) {
    if (!(value >= 0)) throw new RangeError(`retry.${name} must be at least 0, not ${value}.`);
  }
  return rules;
}

/**
 * Prompts without the blanks around them, each once.
 * @param {readonly string[]} prompts
 * @throws {TypeError | RangeError} too few, too many, an empty one or one that is too long
 */
export function trimmedPrompts(prompts) {
  checkTexts('prompts', prompts);
  const trimmed = [...new Set(prompts.map((prompt) => prompt.trim()))];
  const fit = trimmed.every((prompt) => prompt && [...prompt].length <= MAX_PROMPT_CHARACTERS);
  if (!fit || prompts.length < 1 || prompts.length > MAX_PROMPTS) {
    throw new RangeError(`Prompts are ${PROMPTS_RULE}.`);
  }
  return trimmed;
}

/** @param {string} name @param {readonly string[]} texts */
function checkTexts(name, texts) {
  if (!Array.isArray(texts) || texts.some((each) => typeof each !== 'string')) {
    throw new TypeError(`${name} must be a list of texts.`);
  }
}

/**
 * The pause before an attempt, after so many rounds of all servers.
 * @param {RetryRules} rules
 * @param {number} rounds
 */
export function delayMs({ firstDelayMs, maxDelayMs }, rounds) {
  return rounds === 0 ? 0 : Math.min(firstDelayMs * 2 ** (rounds - 1), maxDelayMs);
}
