/** What passes between the worker of a stream and the page. */

/** @import { PictureCodec, TrackStatus, StreamState } from '../../client/types.js' */

/**
 * A track on one frame.
 * @typedef {object} SeenTrack
 * @property {string} key an identity of its own, also where ids start over
 * @property {number} id
 * @property {string} label
 * @property {number} score 0 to 1
 * @property {TrackStatus} status
 * @property {number} age frames since its birth
 * @property {number} area mask pixels
 * @property {[number, number, number, number]} box x0, y0, x1, y1 in mask pixels, half open
 */

/**
 * Milliseconds that a frame spent in each part of its way.
 * @typedef {object} Latency
 * @property {number} network both ways, with waiting on either side of it
 * @property {number} queue waiting for its turn at the server
 * @property {number} decode
 * @property {number} model
 * @property {number} encode
 */

/**
 * One frame with what was found in it.
 * @typedef {object} View
 * @property {number} index of the result since the page was opened; later is larger
 * @property {number} timeS on the clock of the stream
 * @property {number} width of `labels`
 * @property {number} height of `labels`
 * @property {Uint16Array} labels (height, width): twice 1 + the row in `tracks`, plus 1 on
 *   outlines; 0 where there is nothing
 * @property {SeenTrack[]} tracks
 * @property {Latency | null} latency
 */

/**
 * How frames are sent: as units of a video where browser and server have a codec, as JPEGs, or as
 * gives more results a second.
 * @typedef {'automatic' | 'video' | 'jpeg'} Coding
 */

/**
 * What a worker is asked to stream, and where.
 * @typedef {object} StreamRequest
 * @property {string} server the address of the page's server
 * @property {string | null} apiKey
 * @property {string[] | null} classes
 * @property {string[] | null} prompts
 * @property {Coding} coding
 */

/**
 * From the page to the worker of a stream.
 * @typedef {{ kind: 'start', request: StreamRequest }
 *   | { kind: 'frame', bitmap: ImageBitmap, timeS: number }
 *   | { kind: 'classes', classes: string[] | null }
 *   | { kind: 'prompts', prompts: string[] }
 *   | { kind: 'seek', index: number }
 *   | { kind: 'stop' }} ToWorker
 */

/**
 * From the worker to the page: `wanted` asks for the newest frame.
 * @typedef {{ kind: 'wanted' }
 *   | { kind: 'view', view: View, bitmap: ImageBitmap, codec: PictureCodec, keptFrom: number }
 *   | { kind: 'past', view: View, bitmap: ImageBitmap }
 *   | { kind: 'watched', view: View }
 *   | { kind: 'state', state: StreamState, reason: string, delayMs: number }
 *   | { kind: 'connected', session: string, resumed: boolean }
 *   | { kind: 'reset', epoch: number, reason: string }
 *   | { kind: 'drop', reason: string }
 *   | { kind: 'notice', code: string, message: string, fatal: boolean }
 *   | { kind: 'ended', error: string }} FromWorker
 */

export {};
