/** The client of Maskstream for browsers and Node (clients/web/README.md). */

/** @import * as Types from './types.js' */
/** @typedef {Types.ClassInfo} ClassInfo */
/** @typedef {Types.Crop} Crop */
/** @typedef {Types.Picture} Picture */
/** @typedef {Types.RetryRules} RetryRules */
/** @typedef {Types.Rule} Rule */
/** @typedef {Types.RuleEvent} RuleEvent */
/** @typedef {Types.StreamOptions} StreamOptions */

export { MaskstreamClient } from './client.js';
export { MaskDecoder } from './decoding.js';
export { captionOf, drawLabels, paintTrack, trackColor, TrackPainter } from './draw.js';
export * from './errors.js';
export { decodeCrop, decodeCrops, decodeLabels } from './masks.js';
export { INSIDE, OUTLINE, outlined } from './outlines.js';
export { PacketEncoder } from './packets.js';
export { encodeCanvas, PictureEncoder } from './pictures.js';
export { Result, Track } from './result.js';
export { parseResult } from './results.js';
export { Stream } from './stream.js';
export { lineCrop } from './video-lines.js';
export { hasEnded, Videos } from './videos.js';
export { Viewer } from './viewer.js';
