/** The client of Maskstream for browsers and Node (clients/web/README.md). */

/** @import * as Types from './types.js' */
/** @typedef {Types.Picture} Picture */
/** @typedef {Types.StreamOptions} StreamOptions */

export { trackColor } from './draw.js';
