/** What happened to a stream, as `session.js` and `viewer-session.js` say it. */

/** @import { WireError } from './errors.js' */
/** @import { PromptInfo, Welcome } from './messages.js' */
/** @import { ResultMessage } from './results.js' */
/** @import { DropReason, ResetReason, StreamState } from './types.js' */

/**
 * What a message means to the application; `lost` where a drop's reason, or a frame's result, was
 * lost on the way.
 * @typedef {{ type: 'answered' | 'provisional', frameIndex: number, message: ResultMessage }
 *   | { type: 'drop', frameIndex: number, reason: DropReason }
 *   | { type: 'reset', epoch: number, reason: ResetReason }
 *   | { type: 'connected', welcome: Welcome }
 *   | { type: 'watching', session: string, sequence: number }
 *   | { type: 'prompts', fromSequence: number, prompts: PromptInfo[] }
 *   | { type: 'promptsrefused', error: WireError }
 *   | { type: 'goaway', inMs: number, reason: string }
 *   | { type: 'refused', error: WireError }
 *   | { type: 'flushed', id: unknown }
 *   | { type: 'storeback' }} SessionEvent
 */

/**
 * What the events of a stream or viewer say in their `detail`, by their types.
 * @typedef {object} StreamEvents
 * @property {{ state: StreamState, reason?: string, delayMs?: number }} state
 * @property {{ welcome: Welcome, resumed: boolean }} connected
 * @property {{ frameIndex: number, reason: DropReason }} drop
 * @property {{ epoch: number, reason: ResetReason }} reset
 * @property {{ code: string, message: string, fatal: boolean }} notice
 * @property {{ inMs: number, reason: string }} goaway
 * @property {{}} storeback
 * @property {{ fromSequence: number, prompts: PromptInfo[] }} prompts
 */

/**
 * @template {string} T
 * @typedef {T extends keyof StreamEvents ? StreamEvents[T] : any} DetailOf
 */

/**
 * @param {number[]} indices of frames that get no result
 * @param {DropReason} reason
 * @returns {SessionEvent[]}
 */
export function drops(indices, reason) {
  return indices.map((frameIndex) => ({ type: 'drop', frameIndex, reason }));
}
