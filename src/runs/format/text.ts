/** JSON without spaces as UTF-8. */
export function byteText(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
