/** Types that several modules share. */

/**
 * A picture for the server.
 * @typedef {object} Picture
 * @property {Uint8Array | ArrayBuffer | Blob} data its bytes, encoded as `codec` says
 * @property {PictureCodec} [codec] `jpeg` unless given
 * @property {number} [ptsUs] presentation time in microseconds
 * @property {number} [width] before orientation; needed for `rgb24`, else taken from the bytes
 * @property {number} [height] likewise
 * @property {number} [orientation] as EXIF counts, 1 to 8
 * @property {boolean} [keyFrame] of a packet codec: it builds on no unit before it
 */

/** @typedef {'h264' | 'hevc' | 'vp8' | 'vp9' | 'av1'} PacketCodec */
/** @typedef {'jpeg' | 'png' | 'webp' | 'rgb24' | PacketCodec} PictureCodec */
/** @typedef {'rle' | 'bits' | 'labelmap' | 'polygons' | 'none'} MaskFormat */
/** @typedef {'emerged' | 'tracked' | 'missed' | 'disappeared'} TrackStatus */
/** @typedef {'superseded' | 'undecodable' | 'internal' | 'lost'} DropReason */
/** @typedef {'client' | 'state_lost' | 'expired' | 'model_changed'} ResetReason */
/** @typedef {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} StreamState */

/**
 * The pixels of a mask within its box.
 * @typedef {object} Crop
 * @property {number} x0 left column, in mask pixels
 * @property {number} y0 top row
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} data row by row, 0 or 1
 */

/**
 * One class of a model.
 * @typedef {object} ClassInfo
 * @property {number} id
 * @property {string} name
 * @property {string} color `#rrggbb`, or empty
 * @property {boolean} thing whether it can be counted
 */

/**
 * What a client asks of a stream (docs/protocol.md 1 and 10).
 * @typedef {object} StreamOptions
 * @property {string | null} [model] the server's default unless given
 * @property {'lossless' | 'latest'} [policy] answer every picture, or only the newest
 * @property {MaskFormat} [masks]
 * @property {1 | 0.5 | 0.25} [maskScale]
 * @property {number | null} [minScore] 0 to 1; the model's own unless given
 * @property {string[] | null} [classes] names of the only classes to mention
 * @property {string[] | null} [prompts] texts that name what to segment
 * @property {Rule[] | null} [rules] make events of results (docs/events.md)
 * @property {string | null} [webhook] address that the events are sent to, too
 * @property {boolean} [provisional] of a model that answers late, preliminary results too
 * @property {number} [maxInFlight] pictures sent ahead of their results
 * @property {string | null} [resumeToken] continues a session that another client left
 * @property {Partial<RetryRules>} [retry]
 * @property {boolean} [everyFrame] give dropped pictures too, with `dropReason`
 * @property {AbortSignal} [signal] stops at once and leaves the session to be resumed
 */

/**
 * A rule, as it travels (docs/events.md).
 * @typedef {object} Rule
 * @property {string} name
 * @property {EventType} on
 * @property {[number, number][]} [zone] corners, as shares of width and height
 * @property {[[number, number], [number, number]]} [line] start and end
 * @property {number} [share] of a mask, 0 to 1
 * @property {'to_left' | 'to_right'} [direction]
 * @property {number} [count]
 * @property {string[]} [classes]
 * @property {number} [min_score] 0 to 1
 * @property {number} [min_duration_s]
 */

/**
 * @typedef {'emerged' | 'disappeared' | 'entered' | 'left' | 'crossed' | 'dwelt' | 'count_above'} EventType
 */

/**
 * What a rule has found on a frame.
 * @typedef {object} RuleEvent
 * @property {string} id unique in its session; the same where the event comes again
 * @property {string} rule its name
 * @property {EventType} type
 * @property {number | null} trackId
 * @property {number | null} classId
 * @property {string | null} label
 * @property {number | null} score 0 to 1
 * @property {'to_left' | 'to_right' | null} direction
 * @property {number | null} count
 */

/**
 * When a lost connection is made again.
 * @typedef {object} RetryRules
 * @property {number} firstDelayMs pause after all servers were tried once; doubles with each round
 * @property {number} maxDelayMs longest pause
 * @property {number} giveUpAfterMs how long to try without a new result; 0 never tries
 * @property {number} deadAfterMs a server that gives no sign of life for so long is given up
 */

export {};
