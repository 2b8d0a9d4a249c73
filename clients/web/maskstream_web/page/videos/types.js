/** What the section of whole videos works with. */

/**
 * A video, as `GET /v1/videos/{id}` gives it.
 * @typedef {object} VideoRecord
 * @property {string} id
 * @property {string} name
 * @property {'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'unreadable'} state
 * @property {string | null} [reason]
 * @property {string | null} [warning]
 * @property {number | null} [percent]
 * @property {number} [frames_done]
 * @property {number | null} [frames_total]
 * @property {number | null} [fps]
 * @property {number | null} [eta_s]
 * @property {string[]} [artifacts]
 * @property {number} [bytes]
 */

/**
 * A file on its way to the server.
 * @typedef {object} Upload
 * @property {string} id of its own
 * @property {File} file
 * @property {string[]} artifacts that are asked for
 * @property {number} sentBytes
 * @property {string} error empty: none
 * @property {AbortController} stop
 */

/**
 * An object of a line of `/results`.
 * @typedef {object} LineObject
 * @property {number} track_id
 * @property {string} label
 * @property {number} score
 * @property {'emerged' | 'tracked' | 'missed' | 'disappeared'} status
 * @property {number} age
 * @property {number} area
 * @property {[number, number, number, number]} box
 * @property {{ size: [number, number], counts: string } | null} segmentation
 */

/**
 * A line of `/results`: one frame.
 * @typedef {object} Line
 * @property {number} frame
 * @property {number} time_s
 * @property {[number, number]} size height and width
 * @property {LineObject[]} objects
 */

export {};
