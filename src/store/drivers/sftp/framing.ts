import { brokenProtocol } from './packet.ts'

/** No answer that was asked for is longer. */
const longestPacket = 1 << 20

/** Cuts what comes from a server into packets, without their lengths. Throws `corrupt` for a length that no packet has. */
export function createFraming(onPacket: (packet: Buffer) => void): (piece: Buffer) => void {
  const head = Buffer.alloc(4)
  let headFilled = 0
  let packet: Buffer | undefined
  let filled = 0
  return (piece) => {
    for (let at = 0; at < piece.byteLength;) {
      if (packet === undefined) {
        const copied = piece.copy(head, headFilled, at)
        headFilled += copied
        at += copied
        if (headFilled < 4) return
        packet = Buffer.allocUnsafe(checkedLength(head))
        filled = 0
        headFilled = 0
      }
      const copied = piece.copy(packet, filled, at)
      filled += copied
      at += copied
      if (filled === packet.byteLength) {
        const whole = packet
        packet = undefined
        onPacket(whole)
      }
    }
  }
}

function checkedLength(head: Buffer): number {
  const length = head.readUInt32BE(0)
  if (length > 0 && length <= longestPacket) return length
  // A shell that prints something when it starts (.bashrc) does so into the protocol.
  const text = head.toString('latin1')
  throw brokenProtocol(
    /^[\t\n\r\x20-\x7e]{4}$/.test(text)
      ? `it sent text (${JSON.stringify(text)}…), perhaps printed by a start-up file of the account there`
      : `a packet of ${length} bytes`,
  )
}
