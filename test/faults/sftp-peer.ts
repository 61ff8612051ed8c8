import { spawn } from 'node:child_process'
import { PassThrough, Writable } from 'node:stream'
import { Fault } from '../../src/kit/index.ts'
import { createFraming } from '../../src/store/drivers/sftp/framing.ts'
import { packetKinds } from '../../src/store/drivers/sftp/packet.ts'
import type { Channel } from '../../src/store/drivers/sftp/session.ts'

/** What happens to a request, or to the answer to it, instead of what should. */
export type SftpMisdeed =
  /** It is refused so, and the server behind never sees it. */
  | { readonly status: number }
  /** The connection ends before the server behind sees it. */
  | 'cut'
  /** The server behind does it, and the connection ends instead of an answer. */
  | 'lose-answer'
  /** Nothing comes back, ever. */
  | 'stall'
  /** These packets come instead of the answer, each without its length. */
  | { readonly answer: (honest: Buffer) => readonly Buffer[] }

export interface PlannedMisdeed {
  /** `OPEN`, `READ`…, an extension's short name such as `hardlink`, or `INIT`. */
  readonly on: string
  /** The n-th such request, counted from 1. */
  readonly nth: number
  readonly does: SftpMisdeed
}

export interface SftpPeer {
  /** A new connection to the server; what is planned counts over all of them. */
  connect(): Channel
  /** Every request so far, in order. */
  readonly requests: readonly string[]
  /** Throws where a planned misdeed met no request: such a test proves nothing. */
  assertUsed(): void
}

export const sftpServerProgram = '/usr/lib/openssh/sftp-server'

/** OpenSSH's own SFTP server without SSH around it, which does wrong where that is planned. */
export function sftpPeer(plan: readonly PlannedMisdeed[] = [], serverArguments: readonly string[] = []): SftpPeer {
  const requests: string[] = []
  const unused = new Set(plan)
  const next = (name: string): SftpMisdeed | undefined => {
    requests.push(name)
    const nth = requests.filter((each) => each === name).length
    const planned = plan.find((each) => each.on === name && each.nth === nth)
    if (planned !== undefined) unused.delete(planned)
    return planned?.does
  }
  return {
    requests,
    connect: () => connectPeer(next, serverArguments),
    assertUsed() {
      if (unused.size > 0) throw new Error(`planned misdeeds that nothing reached: ${JSON.stringify([...unused])}`)
    },
  }
}

/** A connection to a server of its own, whose misdeeds are asked for with each request. */
export function connectPeer(next: (name: string) => SftpMisdeed | undefined, serverArguments: readonly string[] = []): Channel {
  const server = spawn(sftpServerProgram, [...serverArguments], { stdio: ['pipe', 'pipe', 'ignore'] })
  const fromServer = new PassThrough()
  const altered = new Map<number, SftpMisdeed>()
  const gone = Promise.withResolvers<Fault>()
  const close = () => {
    server.kill('SIGTERM')
    fromServer.destroy()
    gone.resolve(new Fault('unavailable', 'the connection was cut, as planned'))
  }
  server.once('close', close)
  server.stdin.on('error', () => undefined)
  const request = createFraming((packet) => {
    const number = packet[0] === packetKinds.INIT ? -1 : packet.readUInt32BE(1)
    const does = next(nameOf(packet))
    if (does === 'cut') return close()
    if (does === 'stall') return
    if (typeof does === 'object' && 'status' in does) return void fromServer.write(framed(refusal(number, does.status)))
    if (does !== undefined) altered.set(number, does)
    server.stdin.write(framed(packet))
  })
  const answer = createFraming((packet) => {
    const number = packet[0] === packetKinds.VERSION ? -1 : packet.readUInt32BE(1)
    const does = altered.get(number)
    if (does === 'lose-answer') return close()
    const packets = typeof does === 'object' && 'answer' in does ? does.answer(packet) : [packet]
    for (const each of packets) if (!fromServer.destroyed) fromServer.write(framed(each))
  })
  server.stdout.on('data', answer)
  const toServer = new Writable({
    write(piece: Buffer, _encoding, done) {
      request(piece)
      done()
    },
  })
  return { fromServer, toServer, ended: gone.promise, close }
}

function nameOf(packet: Buffer): string {
  const name = Object.entries(packetKinds).find(([, kind]) => kind === packet[0])?.[0] ?? `kind ${packet[0]}`
  if (name !== 'EXTENDED') return name
  const extension = packet.subarray(9, 9 + packet.readUInt32BE(5)).toString()
  return extension.slice(0, extension.indexOf('@'))
}

function framed(packet: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(packet.byteLength)
  return Buffer.concat([head, packet])
}

function refusal(number: number, status: number): Buffer {
  const packet = Buffer.alloc(17)
  packet.writeUInt8(packetKinds.STATUS)
  packet.writeUInt32BE(number, 1)
  packet.writeUInt32BE(status, 5)
  return packet
}
