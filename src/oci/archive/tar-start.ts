/** Whether bytes begin with a header of a tar, or are empty in the way of a tar: a block of zeros. */
export function startsAsTar(head: Uint8Array): boolean {
  if (head.byteLength < 512) return false
  if (head.every((byte) => byte === 0)) return true
  let sum = 0
  for (let at = 0; at < 512; at++) sum += at >= 148 && at < 156 ? 0x20 : head[at]!
  const digits = /^ *([0-7]+)[ \0]/.exec(Buffer.from(head.subarray(148, 156)).toString('latin1'))?.[1]
  return digits !== undefined && Number.parseInt(digits, 8) === sum
}
