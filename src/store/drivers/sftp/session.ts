import type { Readable, Writable } from 'node:stream'
import { Fault } from '../../../kit/index.ts'
import { createFraming } from './framing.ts'
import { brokenProtocol, type Cursor, cursorOf, encodePacket, type Field, type PacketKind, packetKinds } from './packet.ts'

/** A way to one SFTP server, such as the two ends of a child process. */
export interface Channel {
  readonly fromServer: Readable
  readonly toServer: Writable
  /** Resolves once it has ended, however that came about, with what is to be told to those who still wait for answers. */
  readonly ended: Promise<Fault>
  /** Ends it at once. Idempotent. */
  close(): void
}

/** Told of every packet that is sent, and how long the chain of answers is that had to come before it. */
export interface Traffic {
  packet(name: string): void
  /** 1 + the greatest depth among the answers that had come when it was sent. */
  depth(depth: number): void
}

export interface SessionOptions {
  readonly traffic: Traffic
  /** Milliseconds without any sign of a server that owes an answer, after which it is given up. */
  readonly silence: number
  /** The depth that earlier connections reached. */
  readonly depth: number
}

/** An answer's kind, and what follows its number. */
export interface Reply {
  readonly kind: number
  readonly body: Cursor
}

export interface Session {
  /** Names and data of the extensions that the server announced. */
  readonly extensions: ReadonlyMap<string, string>
  readonly isLost: boolean
  readonly depth: number
  /**
   * Sends a request, in the order of the calls, and gives its answer. `weight` is how many bytes are under way because of it.
   * `name` is what it is counted as. Rejects with why the connection was lost.
   */
  ask(kind: PacketKind, fields: readonly Field[], options?: { readonly weight?: number; readonly name?: string }): Promise<Reply>
  /** Ends it. Whoever still waits is told that it was closed. */
  close(): void
}

const window = { requests: 256, bytes: 16 << 20 }

interface Waiting {
  readonly depth: number
  readonly weight: number
  readonly resolve: (reply: Reply) => void
  readonly reject: (fault: Fault) => void
}

/** Speaks with a server. Nothing is cut short by whoever asks: an answer that nobody wants any more comes unheard. */
export async function openSession(channel: Channel, options: SessionOptions): Promise<Session> {
  const { traffic } = options
  const waiting = new Map<number, Waiting>()
  const queue: (() => void)[] = []
  let [next, bytes, depth] = [1, 0, options.depth]
  let lost: Fault | undefined
  let timer: NodeJS.Timeout | undefined
  const greeting = Promise.withResolvers<Cursor>()
  greeting.promise.catch(() => undefined)

  const fail = (fault: Fault) => {
    if (lost !== undefined) return
    lost = fault
    clearTimeout(timer)
    channel.close()
    greeting.reject(fault)
    for (const { reject } of waiting.values()) reject(fault)
    waiting.clear()
    for (const send of queue.splice(0)) send()
  }
  const watch = (owes: boolean) => {
    clearTimeout(timer)
    const told = `the server has not answered for ${options.silence / 1000} seconds`
    if (owes && lost === undefined) timer = setTimeout(() => fail(new Fault('unavailable', told)), options.silence)
  }
  const send = (packet: Buffer) => {
    // What is asked for in one turn goes out in one piece.
    if (channel.toServer.writableCorked === 0) {
      channel.toServer.cork()
      setImmediate(() => channel.toServer.uncork())
    }
    channel.toServer.write(packet)
  }
  const count = (name: string) => {
    traffic.packet(name)
    traffic.depth(depth + 1)
  }
  let greeted = false
  const receive = (packet: Buffer) => {
    const body = cursorOf(packet)
    const kind = body.byte()
    if (!greeted) {
      if (kind !== packetKinds.VERSION) throw brokenProtocol(`its first packet is of kind ${kind}`)
      greeted = true
      depth++
      return greeting.resolve(body)
    }
    const number = body.number()
    const asked = waiting.get(number)
    if (asked === undefined) throw brokenProtocol(`it answers request ${number}, which is not open`)
    waiting.delete(number)
    bytes -= asked.weight
    depth = Math.max(depth, asked.depth)
    asked.resolve({ kind, body })
    while (queue.length > 0 && hasRoom()) queue.shift()!()
  }
  const hasRoom = () => waiting.size === 0 || (waiting.size < window.requests && bytes < window.bytes)
  const frames = createFraming(receive)
  channel.fromServer.on('data', (piece: Buffer) => {
    if (lost !== undefined) return
    try {
      frames(piece)
      watch(waiting.size > 0)
    } catch (error) {
      fail(error instanceof Fault ? error : brokenProtocol(String(error)))
    }
  })
  // Why a stream broke is told by the channel's end.
  channel.fromServer.on('error', () => channel.close())
  channel.toServer.on('error', () => channel.close())
  // Once it has answered, there is a server and it has let us in: whatever ended it then may be otherwise the next time.
  void channel.ended.then((why) =>
    fail(greeted && why.retry !== 'later' ? new Fault('unavailable', 'the connection was lost', { cause: why }) : why),
  )

  count('INIT')
  send(encodePacket('INIT', undefined, [3]))
  watch(true)
  const extensions = extensionsOf(await greeting.promise)
  watch(false)
  return {
    extensions,
    get isLost() {
      return lost !== undefined
    },
    get depth() {
      return depth
    },
    ask(kind, fields, { weight = 0, name = kind } = {}) {
      const number = next++ >>> 0
      // Now and not as it is sent: the bytes in it are the caller's again afterwards.
      const packet = encodePacket(kind, number, fields)
      return new Promise((resolve, reject) => {
        const go = () => {
          if (lost !== undefined) return reject(lost)
          waiting.set(number, { depth: depth + 1, weight, resolve, reject })
          bytes += weight
          count(name)
          send(packet)
          if (waiting.size === 1) watch(true)
        }
        if (queue.length === 0 && hasRoom()) go()
        else queue.push(go)
      })
    },
    close: () => fail(new Fault('aborted', 'the connection was closed while something was under way')),
  }
}

function extensionsOf(greeting: Cursor): Map<string, string> {
  const version = greeting.number()
  if (version < 3) throw new Fault('unsupported', `the server speaks version ${version} of SFTP, and 3 is needed`)
  const extensions = new Map<string, string>()
  while (greeting.left > 0) extensions.set(greeting.bytes().toString(), greeting.bytes().toString())
  return extensions
}
