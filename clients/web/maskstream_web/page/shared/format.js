/** Numbers as people read them. */

/** @param {number} value in seconds @returns {string} such as 1:04.5 */
export function seconds(value) {
  const tenths = Math.max(0, Math.round(value * 10));
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths % 600) / 10).toFixed(1).padStart(4, '0')}`;
}

/** @param {number} value in bytes @returns {string} such as 12.3 MB */
export function megabytes(value) {
  return `${(value / 1e6).toFixed(1)} MB`;
}
